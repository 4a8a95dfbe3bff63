//! A learning Ethernet switch between the ports of one process (IEEE 802.1Q section 8.6, without
//! VLAN filtering and spanning tree): sans-I/O, it only says where a frame goes.
//!
//! Its table is bounded; an address that finds no room is flooded, which is correct and slow.
//! Tests: below.

use std::collections::HashMap;

/// Station addresses remembered.
pub const MAX_STATIONS: usize = 4096;
/// Octets of an Ethernet header without tag.
const HEADER: usize = 14;

/// A port of a switch, as its owner numbers them.
pub type Port = u32;

/// Which ports a frame leaves through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// None: it is no frame, or it is for a station behind the port that it came from.
    Nowhere,
    /// One.
    To(Port),
    /// All but the one that it came from.
    Flood,
}

/// Answers kept, one for each of so many ports that frames come from.
const RECENT: usize = 8;

/// The addresses of a frame, the port that it came from, and where it went.
type Recent = ([u8; 12], Port, Out);

/// What a switch knows about its stations.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    stations: HashMap<[u8; 6], Port>,
    /// The last answers, until the table changes: frames mostly follow others of their flow.
    recent: [Option<Recent>; RECENT],
}

impl Switch {
    /// A switch that knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a frame (without frame check sequence) that came in through `from`: learns its
    /// source, finds its destination.
    pub fn forward(&mut self, from: Port, frame: &[u8]) -> Out {
        if frame.len() < HEADER {
            return Out::Nowhere;
        }
        let Some(addresses) = frame.first_chunk::<12>().copied() else {
            return Out::Nowhere;
        };
        let place = usize::try_from(from).unwrap_or(0) % RECENT;
        if let Some(Some((same, port, out))) = self.recent.get(place)
            && (*same, *port) == (addresses, from)
        {
            return *out;
        }
        let (Some(destination), Some(source)) = (station(frame, 0), station(frame, 6)) else {
            return Out::Nowhere;
        };
        if !is_group(source) {
            self.learn(source, from);
        }
        let out = self.find_station(from, destination);
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = Some((addresses, from, out));
        }
        out
    }

    fn learn(&mut self, source: [u8; 6], from: Port) {
        let full = self.stations.len() >= MAX_STATIONS;
        match self.stations.get_mut(&source) {
            Some(port) if *port == from => return,
            Some(port) => *port = from,
            None if full => return,
            None => {
                self.stations.insert(source, from);
            }
        }
        self.recent = Default::default();
    }

    /// Where a frame would go, without learning from it.
    #[must_use]
    pub fn find(&self, from: Port, frame: &[u8]) -> Out {
        match station(frame, 0) {
            Some(destination) => self.find_station(from, destination),
            None => Out::Nowhere,
        }
    }

    fn find_station(&self, from: Port, destination: [u8; 6]) -> Out {
        if is_group(destination) {
            return Out::Flood;
        }
        match self.stations.get(&destination) {
            Some(&port) if port == from => Out::Nowhere,
            Some(&port) => Out::To(port),
            None => Out::Flood,
        }
    }

    /// Forgets the stations behind a port that went down.
    pub fn forget(&mut self, port: Port) {
        self.stations.retain(|_, at| *at != port);
        self.recent = Default::default();
    }
}

fn station(frame: &[u8], at: usize) -> Option<[u8; 6]> {
    frame.get(at..)?.first_chunk().copied()
}

/// Group bit: multicast and broadcast (IEEE 802 section 8.2.2).
const fn is_group(address: [u8; 6]) -> bool {
    address[0] & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(to: u8, from: u8) -> Vec<u8> {
        let mut bytes = vec![0u8; 64];
        bytes[5] = to;
        bytes[11] = from;
        bytes
    }

    #[test]
    fn floods_until_it_has_learned() {
        let mut switch = Switch::new();
        assert_eq!(switch.forward(0, &frame(2, 1)), Out::Flood);
        assert_eq!(switch.forward(1, &frame(1, 2)), Out::To(0));
        assert_eq!(switch.forward(0, &frame(2, 1)), Out::To(1));
        switch.forget(1);
        assert_eq!(switch.forward(0, &frame(2, 1)), Out::Flood);
    }

    #[test]
    fn a_station_moves_with_its_frames() {
        let mut switch = Switch::new();
        switch.forward(0, &frame(9, 1));
        switch.forward(3, &frame(9, 1));
        assert_eq!(switch.forward(1, &frame(1, 2)), Out::To(3));
    }

    #[test]
    fn an_answer_is_kept_no_longer_than_it_is_right() {
        let mut switch = Switch::new();
        switch.forward(1, &frame(1, 2));
        for _ in 0..2 {
            assert_eq!(switch.forward(0, &frame(2, 1)), Out::To(1));
        }
        // The other end moves; then its port goes down.
        assert_eq!(switch.forward(5, &frame(1, 2)), Out::To(0));
        assert_eq!(switch.forward(0, &frame(2, 1)), Out::To(5));
        switch.forget(5);
        assert_eq!(switch.forward(0, &frame(2, 1)), Out::Flood);
        // The sender itself comes by another port, whose answers are kept at the same place.
        assert_eq!(switch.forward(8, &frame(2, 1)), Out::Flood);
        assert_eq!(switch.forward(3, &frame(1, 2)), Out::To(8));
    }

    #[test]
    fn nothing_goes_back_where_it_came_from() {
        let mut switch = Switch::new();
        switch.forward(0, &frame(9, 1));
        assert_eq!(switch.forward(0, &frame(1, 2)), Out::Nowhere);
    }

    #[test]
    fn groups_are_flooded_and_never_learned() {
        let mut switch = Switch::new();
        let mut broadcast = frame(0, 1);
        broadcast[..6].fill(0xFF);
        assert_eq!(switch.forward(0, &broadcast), Out::Flood);
        let mut forged = frame(9, 0);
        forged[6] = 1;
        switch.forward(2, &forged);
        let mut to_group = frame(0, 3);
        to_group[0] = 1;
        assert_eq!(switch.forward(1, &to_group), Out::Flood);
    }

    #[test]
    fn what_is_no_frame_goes_nowhere() {
        let mut switch = Switch::new();
        for length in 0..HEADER {
            assert_eq!(switch.forward(0, &vec![0; length]), Out::Nowhere);
        }
    }

    #[test]
    fn the_table_is_bounded() {
        let mut switch = Switch::new();
        for n in 0..MAX_STATIONS + 10 {
            let mut bytes = frame(9, 0);
            bytes[8..12].copy_from_slice(&u32::try_from(n).unwrap().to_be_bytes());
            switch.forward(0, &bytes);
        }
        assert_eq!(switch.stations.len(), MAX_STATIONS);
    }
}
