//! Reserved fields and bits of requests, from the specification's tables `[CONV-2]`.

use rnic_abi::meta::Structure;
use rnic_abi::{FLAGS, STRUCTS};

/// Bits of a request that must be zero, by field.
#[derive(Debug)]
pub(super) struct Reserved {
    /// In the order in which the fields lie.
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    offset: usize,
    /// One mask for each byte.
    mask: Vec<u8>,
}

impl Reserved {
    /// What is reserved in the structure of this name, contained structures included.
    pub(super) fn of(name: &str) -> Self {
        let mut fields = Vec::new();
        collect(name, 0, &mut fields);
        fields.sort_by_key(|field| field.offset);
        Self { fields }
    }

    /// Offset of the first reserved field, or field with a reserved bit, that is not zero.
    pub(super) fn first_set(&self, request: &[u8]) -> Option<usize> {
        let set = |field: &&Field| {
            let bytes = request.get(field.offset..).unwrap_or_default();
            bytes
                .iter()
                .zip(&field.mask)
                .any(|(byte, mask)| byte & mask != 0)
        };
        self.fields.iter().find(set).map(|field| field.offset)
    }
}

fn structure(name: &str) -> Option<&'static Structure> {
    STRUCTS.iter().find(|structure| structure.name == name)
}

fn collect(name: &str, base: usize, fields: &mut Vec<Field>) {
    for member in structure(name).map_or(&[][..], |structure| structure.fields) {
        let offset = base + member.offset;
        if member.reserved {
            fields.push(Field {
                offset,
                mask: vec![0xFF; member.size],
            });
        } else if let Some(flags) = FLAGS.iter().find(|flags| flags.name == member.ty) {
            let bits = flags.fields.iter().filter(|bits| bits.reserved);
            let mask = bits.fold(0u64, |mask, bits| {
                mask | rnic_abi::BitField::new(bits.hi, bits.lo).mask()
            });
            fields.push(Field {
                offset,
                mask: mask.to_le_bytes().into_iter().take(member.size).collect(),
            });
        } else {
            collect(member.ty, offset, fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use rnic_abi::COMMANDS;

    use super::*;

    #[test]
    fn contained_structures_and_flags_count_where_they_lie() {
        let reserved = Reserved::of("CreateQpRequest");
        let mut request = [0u8; 120];
        assert_eq!(reserved.first_set(&request), None);
        for (offset, bit, field) in [
            (118, 1, 116), // recv_ring.reserved_20
            (86, 1, 86),   // send_ring.reserved_14
            (25, 1, 25),
            (23, 0x80, 20), // flags
            (20, 2, 20),
            (2, 1, 2), // header.reserved_2
        ] {
            request[offset] = bit;
            assert_eq!(reserved.first_set(&request), Some(field), "{offset}");
        }
    }

    #[test]
    fn meaningful_bytes_are_not_reserved() {
        for info in COMMANDS {
            let reserved = Reserved::of(info.request);
            let mut request = vec![0xFF; info.request_size];
            for field in &reserved.fields {
                for (byte, mask) in request[field.offset..].iter_mut().zip(&field.mask) {
                    *byte &= !mask;
                }
            }
            assert_eq!(reserved.first_set(&request), None, "{}", info.name);
            assert!(request.iter().any(|byte| *byte != 0), "{}", info.name);
        }
    }
}
