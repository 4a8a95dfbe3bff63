//! The version resource of rnic.sys, as a `.res` file for the linker: no resource compiler is needed.
//!
//! Layouts: VS_VERSIONINFO and its children (verrsrc.h), RESOURCEHEADER (the format of 32-bit resource files).

/// RT_VERSION, and the one resource of it.
const VERSION: u16 = 16;
const NAME: u16 = 1;
/// US English, Unicode.
const LANGUAGE: u16 = 0x0409;
const CODE_PAGE: u16 = 1200;
/// VS_FIXEDFILEINFO: signature, VOS_NT_WINDOWS32, VFT_DRV, VFT2_DRV_NETWORK.
const SIGNATURE: u32 = 0xFEEF_04BD;
const FILE_OS: u32 = 0x0004_0004;
const DRIVER: u32 = 3;
const NETWORK_DRIVER: u32 = 6;

/// A resource file with one version resource; `version` as a.b.c.d.
pub fn version(version: [u16; 4]) -> Vec<u8> {
    let [a, b, c, d] = version;
    let text = format!("{a}.{b}.{c}.{d}");
    let strings = [
        ("CompanyName", "rnic"),
        ("FileDescription", "rnic NDIS miniport and NDK provider"),
        ("FileVersion", &text),
        ("InternalName", "rnic.sys"),
        ("OriginalFilename", "rnic.sys"),
        ("ProductName", "rnic"),
        ("ProductVersion", &text),
    ];
    let high = u32::from(a) << 16 | u32::from(b);
    let low = u32::from(c) << 16 | u32::from(d);
    let fixed: Vec<u8> = [
        SIGNATURE,
        0x0001_0000,
        high,
        low,
        high,
        low,
        0x3F,
        0,
        FILE_OS,
        DRIVER,
        NETWORK_DRIVER,
        0,
        0,
    ]
    .iter()
    .flat_map(|word| word.to_le_bytes())
    .collect();
    let table: Vec<Vec<u8>> = strings
        .iter()
        .map(|(key, value)| {
            let units = value.encode_utf16().count() + 1;
            node(key, &utf16(value), units, true, &[])
        })
        .collect();
    let language = format!("{LANGUAGE:04x}{CODE_PAGE:04x}");
    let table = node(&language, &[], 0, true, &table);
    let translation: Vec<u8> = [LANGUAGE, CODE_PAGE]
        .iter()
        .flat_map(|half| half.to_le_bytes())
        .collect();
    let translation = node("Translation", &translation, 4, false, &[]);
    let data = node(
        "VS_VERSION_INFO",
        &fixed,
        fixed.len(),
        false,
        &[
            node("StringFileInfo", &[], 0, true, &[table]),
            node("VarFileInfo", &[], 0, true, &[translation]),
        ],
    );
    let mut file = entry(0, 0, 0, &[]);
    file.extend(entry(VERSION, NAME, LANGUAGE, &data));
    file
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// A node of the tree: lengths, type, key, value, children; each part aligned to 4 bytes.
fn node(key: &str, value: &[u8], value_length: usize, text: bool, children: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 6];
    bytes.extend(utf16(key));
    pad(&mut bytes);
    bytes.extend(value);
    for child in children {
        pad(&mut bytes);
        bytes.extend(child);
    }
    let length = bytes.len() as u16;
    bytes[..2].copy_from_slice(&length.to_le_bytes());
    bytes[2..4].copy_from_slice(&(value_length as u16).to_le_bytes());
    bytes[4..6].copy_from_slice(&u16::from(text).to_le_bytes());
    bytes
}

/// A resource with its header; the first of a file is empty.
fn entry(kind: u16, name: u16, language: u16, data: &[u8]) -> Vec<u8> {
    const HEADER: u32 = 32;
    /// MOVEABLE and PURE.
    const FLAGS: u16 = 0x30;
    let mut bytes = Vec::new();
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(HEADER.to_le_bytes());
    for ordinal in [kind, name] {
        bytes.extend(0xFFFFu16.to_le_bytes());
        bytes.extend(ordinal.to_le_bytes());
    }
    bytes.extend(0u32.to_le_bytes());
    bytes.extend((if kind == 0 { 0 } else { FLAGS }).to_le_bytes());
    bytes.extend(language.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(data);
    pad(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_alignment_hold() {
        let file = version([1, 2, 3, 4]);
        assert_eq!(file.len() % 4, 0);
        // The empty entry, then header and data of the version.
        let data = &file[64..];
        let length = usize::from(u16::from_le_bytes([data[0], data[1]]));
        assert_eq!(data.len(), length.next_multiple_of(4));
        let size = u32::from_le_bytes([file[32], file[33], file[34], file[35]]);
        assert_eq!(size as usize, length);
        let fixed = 6 + 2 * 16 + 2;
        assert_eq!(&data[fixed..fixed + 4], &SIGNATURE.to_le_bytes());
        let wide: Vec<u8> = utf16("1.2.3.4");
        assert!(data.windows(wide.len()).any(|part| part == wide));
    }
}
