//! Frames: every parser of `rnic-wire` on the same bytes. What parses encodes, and parses again to the same.

use rnic_wire::{
    ArpFrame, CmMad, CmaHeader, EthHeader, Frame, MAX_FRAME_LEN, NdFrame, NdOptions, classify,
};

/// Any bytes.
pub fn run(data: &[u8]) {
    let _ = classify(data);
    let _ = EthHeader::parse(data);
    let _ = CmaHeader::parse(data);
    let _ = NdOptions::parse(data);
    if let Ok((frame, _)) = Frame::parse_with_icrc(data) {
        let mut again = [0; MAX_FRAME_LEN];
        if let Ok(length) = frame.encode(&mut again) {
            let bytes = again.get(..length).unwrap_or_default();
            let parsed = Frame::parse(bytes).expect("an encoded frame parses");
            assert_eq!(parsed.packet, frame.packet);
            assert_eq!(parsed.envelope, frame.envelope);
        }
    }
    if let Ok(mad) = CmMad::parse(data) {
        assert_eq!(CmMad::parse(&mad.to_bytes()), Ok(mad));
    }
    let mut again = [0; MAX_FRAME_LEN];
    if let Ok(arp) = ArpFrame::parse(data) {
        let _ = arp.encode(&mut again);
    }
    if let Ok(nd) = NdFrame::parse(data) {
        let _ = nd.encode(&mut again);
    }
}
