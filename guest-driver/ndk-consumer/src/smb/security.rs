//! Keys and signatures of SMB 3.1.1 (MS-SMB2, 3.1.4.1, 3.1.4.2).

use aes::Aes128;
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::header::{FLAG_SIGNED, SIGNATURE, SIZE};

/// Hash over what was said before the session's key was known (PreauthIntegrityHashValue): a change of it by
/// somebody on the way gives both sides other keys.
#[derive(Clone)]
pub struct Preauthentication([u8; 64]);

impl Default for Preauthentication {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Preauthentication {
    /// Takes in a message, in either direction.
    pub fn add(&mut self, message: &[u8]) {
        let mut hash = Sha512::new();
        hash.update(self.0);
        hash.update(message);
        self.0 = hash.finalize().into();
    }

    /// The key that signs the session's messages: SP800-108 in counter mode, HMAC-SHA256.
    #[must_use]
    pub fn signing_key(&self, session_key: &[u8; 16]) -> SigningKey {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(session_key).expect("HMAC takes keys of any length");
        mac.update(&1_u32.to_be_bytes());
        mac.update(b"SMBSigningKey\0");
        mac.update(&[0]);
        mac.update(&self.0);
        mac.update(&128_u32.to_be_bytes());
        let bytes = mac.finalize().into_bytes();
        let mut key = [0; 16];
        key.copy_from_slice(&bytes[..16]);
        SigningKey(key)
    }
}

/// A key for AES-128-CMAC.
#[derive(Clone)]
pub struct SigningKey([u8; 16]);

impl SigningKey {
    /// The signature of a message, as if its own were zeros.
    fn signature(&self, message: &[u8]) -> [u8; 16] {
        let mut mac = Cmac::<Aes128>::new(&self.0.into());
        mac.update(&message[..SIGNATURE.start]);
        mac.update(&[0; 16]);
        mac.update(&message[SIGNATURE.end..]);
        mac.finalize().into_bytes().into()
    }

    /// Signs a message, which has a header.
    pub fn sign(&self, message: &mut [u8]) {
        debug_assert!(message.len() >= SIZE);
        message[16] |= FLAG_SIGNED as u8;
        let signature = self.signature(message);
        message[SIGNATURE].copy_from_slice(&signature);
    }

    /// Whether a message, which has a header, is signed with this key.
    #[must_use]
    pub fn verifies(&self, message: &[u8]) -> bool {
        message.len() >= SIZE
            && u32::from(message[16]) & FLAG_SIGNED != 0
            && self.signature(message) == message[SIGNATURE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_and_what_was_changed_does_not() {
        let mut before = Preauthentication::default();
        before.add(b"negotiate");
        let key = before.signing_key(&[7; 16]);
        let mut message: Vec<u8> = (0..100).collect();
        assert!(!key.verifies(&message));
        key.sign(&mut message);
        assert!(key.verifies(&message));
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert!(!key.verifies(&changed), "byte {at}");
        }
        before.add(b"more");
        assert!(!before.signing_key(&[7; 16]).verifies(&message));
        assert!(!key.verifies(&message[..63]));
    }
}
