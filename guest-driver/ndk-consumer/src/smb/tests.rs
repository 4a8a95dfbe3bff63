//! A client whose server is a script, or says anything.

use std::collections::VecDeque;
use std::ops::Range;

use proptest::prelude::*;

use super::Error;
use super::client::Client;
use super::header::{Command, FLAG_ASYNC, FLAG_RESPONSE, ResponseHeader, SIZE};
use super::ntlm::Credentials;
use super::request::{self, Channel, FileId, Intent, Part};
use super::security::{Preauthentication, SigningKey};
use super::transport::{Access, Lent, Lost, Transport};
use super::{response, spnego, status};
use crate::smbd::message::BufferDescriptor;

/// A server in memory: what it answers to each message is up to a function.
struct Scripted<F> {
    answer: F,
    answers: VecDeque<Vec<u8>>,
    asked: Vec<Vec<u8>>,
    lent: usize,
}

impl<F: FnMut(&[u8]) -> Vec<Vec<u8>>> Scripted<F> {
    fn new(answer: F) -> Self {
        Self {
            answer,
            answers: VecDeque::new(),
            asked: Vec::new(),
            lent: 0,
        }
    }
}

impl<F: FnMut(&[u8]) -> Vec<Vec<u8>>> Transport for Scripted<F> {
    type Buffer = ();

    fn max_message(&self) -> usize {
        1 << 17
    }
    fn max_transfer(&self) -> usize {
        8 << 20
    }
    fn send(&mut self, message: Vec<u8>) -> Result<(), Lost> {
        self.answers.extend((self.answer)(&message));
        self.asked.push(message);
        Ok(())
    }
    fn receive(&mut self) -> Result<Vec<u8>, Lost> {
        self.answers
            .pop_front()
            .ok_or_else(|| Lost("nothing more is said".into()))
    }
    fn lend(&mut self, _: &(), part: Range<usize>, _: Access) -> Result<Lent, Lost> {
        self.lent += 1;
        Ok(Lent {
            descriptors: vec![BufferDescriptor {
                offset: 0x1000,
                token: 7,
                length: part.len() as u32,
            }],
            regions: vec![0],
        })
    }
    fn take_back(&mut self, _: Lent) -> Result<(), Lost> {
        self.lent -= 1;
        Ok(())
    }
}

fn who() -> Credentials {
    Credentials {
        user: "bob".into(),
        password: "secret".into(),
        domain: String::new(),
    }
}

/// A response to a request, with this status and body.
fn reply(to: &[u8], status: u32, flags: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = to[..SIZE].to_vec();
    bytes[8..12].copy_from_slice(&status.to_le_bytes());
    bytes[14..16].copy_from_slice(&64_u16.to_le_bytes());
    bytes[16..20].copy_from_slice(&(FLAG_RESPONSE | flags).to_le_bytes());
    bytes[36..40].copy_from_slice(&3_u32.to_le_bytes());
    bytes[40..48].copy_from_slice(&77_u64.to_le_bytes());
    bytes[48..64].fill(0);
    bytes.extend(body);
    bytes
}

fn negotiated(security: u16, dialect: u16) -> Vec<u8> {
    let mut body = vec![0; 64];
    body[..2].copy_from_slice(&65_u16.to_le_bytes());
    body[2..4].copy_from_slice(&security.to_le_bytes());
    body[4..6].copy_from_slice(&dialect.to_le_bytes());
    body[6..8].copy_from_slice(&1_u16.to_le_bytes());
    body[32..36].copy_from_slice(&(8_u32 << 20).to_le_bytes());
    body[36..40].copy_from_slice(&(8_u32 << 20).to_le_bytes());
    body[60..64].copy_from_slice(&128_u32.to_le_bytes());
    // SHA-512, with a salt of one byte.
    body.extend([1, 0, 7, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0xAA]);
    body
}

fn challenge() -> Vec<u8> {
    let mut token = b"NTLMSSP\0\x02\0\0\0".to_vec();
    token.resize(20, 0);
    token.extend(0xA08A_8205_u32.to_le_bytes());
    token.extend([5; 8]);
    token.resize(40, 0);
    token.extend([4, 0, 4, 0, 56, 0, 0, 0]);
    token.resize(60, 0);
    let wrapped = spnego::next(&token);
    let mut body = vec![9, 0, 0, 0, 72, 0];
    body.extend((wrapped.len() as u16).to_le_bytes());
    body.extend(wrapped);
    body
}

/// A server that works as far as the tests go: it knows the password by what the client proves.
struct Server {
    said: Preauthentication,
    key: Option<SigningKey>,
    challenge: Vec<u8>,
    set_ups: u32,
    /// Before each answer it says that it takes longer.
    slow: bool,
    security: u16,
    dialect: u16,
    forged: bool,
}

impl Server {
    fn new() -> Self {
        Self {
            said: Preauthentication::default(),
            key: None,
            challenge: challenge(),
            set_ups: 0,
            slow: false,
            security: 1,
            dialect: request::DIALECT,
            forged: false,
        }
    }

    fn answer(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        let command = u16::from_le_bytes([message[12], message[13]]);
        let mut answers = Vec::new();
        if self.slow && self.key.is_some() {
            let body = [9, 0, 0, 0, 0, 0, 0, 0, 0];
            answers.push(reply(message, status::PENDING, FLAG_ASYNC, &body));
        }
        let answer = match command {
            0 => {
                self.said.add(message);
                let answer = reply(message, 0, 0, &negotiated(self.security, self.dialect));
                self.said.add(&answer);
                answer
            }
            1 => self.set_up(message),
            3 => self.signed(reply(message, 0, 0, &{
                let mut body = vec![0; 16];
                body[0] = 16;
                body[2] = 1;
                body
            })),
            5 => {
                let mut body = vec![0; 88];
                body[0] = 89;
                body[48] = 200;
                body[64..80].fill(9);
                reply(message, 0, 0, &body)
            }
            8 => {
                // By RDMA, as much as was asked for.
                let mut body = vec![0; 16];
                body[0] = 17;
                body[8..12].copy_from_slice(&message[SIZE + 4..SIZE + 8]);
                reply(message, 0, 0, &body)
            }
            _ => reply(message, 0, 0, &[4, 0, 0, 0]),
        };
        answers.push(answer);
        answers
    }

    fn set_up(&mut self, message: &[u8]) -> Vec<u8> {
        self.set_ups += 1;
        self.said.add(message);
        if self.set_ups == 1 {
            let body = self.challenge.clone();
            let answer = reply(message, status::MORE_PROCESSING_REQUIRED, 0, &body);
            self.said.add(&answer);
            return answer;
        }
        // The session's key, as the client has it: HMAC-MD5 of its proof with the key of the password.
        let token = &message[SIZE + 24..];
        let token = spnego::token_of(token).expect("a token");
        let at = u32::from_le_bytes(token[24..28].try_into().expect("4 bytes")) as usize;
        let proof: [u8; 16] = token[at..at + 16].try_into().expect("16 bytes");
        let session_key = super::ntlm::session_key_of(&who(), &proof);
        self.key = Some(self.said.signing_key(&session_key));
        self.signed(reply(message, 0, 0, &[9, 0, 0, 0, 72, 0, 0, 0]))
    }

    fn signed(&self, mut answer: Vec<u8>) -> Vec<u8> {
        if let Some(key) = &self.key {
            key.sign(&mut answer);
        }
        if self.forged {
            answer[50] ^= 1;
        }
        answer
    }
}

type Boxed<'s> = Scripted<Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>> + 's>>;

fn connect(server: &mut Server) -> Result<Client<Boxed<'_>>, Error> {
    let transport: Boxed<'_> = Scripted::new(Box::new(|message| server.answer(message)));
    Client::connect(transport, ("server", "share"), &who())
}

fn part(length: u32) -> Part {
    Part {
        file: [9; 16],
        offset: 0,
        length,
    }
}

#[test]
fn a_session_is_made_and_memory_lent_and_taken_back() {
    let mut server = Server::new();
    server.slow = true;
    let mut client = connect(&mut server).expect("a session");
    assert_eq!(client.max_transfer(), 8 << 20);
    let opened = client.open("a/b", Intent::Read).expect("open");
    assert_eq!((opened.size, opened.file), (200, [9; 16]));
    let begun = [100, 8 << 20].map(|length| {
        client
            .begin_read(part(length), Channel::V1, (&(), 0..length as usize))
            .expect("begun")
    });
    assert_eq!(client.transport().lent, 2);
    let [first, second] = begun;
    // In the order that the caller likes.
    assert_eq!(client.finish(second).expect("read"), 8 << 20);
    assert_eq!(client.finish(first).expect("read"), 100);
    assert_eq!(client.transport().lent, 0);
    // 8 MiB cost 128 credits, and as many numbers.
    let asked = &client.transport().asked;
    let charges: Vec<u16> = asked
        .iter()
        .map(|message| u16::from_le_bytes([message[6], message[7]]))
        .collect();
    assert_eq!(charges[charges.len() - 2..], [1, 128]);
    client.leave().expect("goodbye");
}

#[test]
fn a_forged_answer_is_noticed() {
    let mut server = Server::new();
    server.forged = true;
    assert!(matches!(connect(&mut server), Err(Error::Signature(_))));
}

#[test]
fn an_older_dialect_is_not_taken() {
    let mut server = Server::new();
    server.dialect = 0x0302;
    let error = connect(&mut server).err().expect("refused");
    assert!(error.to_string().contains("3.1.1"), "{error}");
}

/// Nothing could be read by parts of no bytes.
#[test]
fn a_server_that_reads_or_writes_next_to_nothing_is_not_taken() {
    for at in [32, 36] {
        for size in [0, 65_535_u32] {
            let mut body = negotiated(1, 0x0311);
            body[at..at + 4].copy_from_slice(&size.to_le_bytes());
            let message = reply(&[0; 64], 0, 1, &body);
            let refused = response::negotiate(&message);
            assert!(matches!(refused, Err(Error::Protocol(_))), "{refused:?}");
        }
    }
}

#[test]
fn what_must_be_signed_does_not_go_by_rdma() {
    let mut server = Server::new();
    server.security = 3;
    let mut client = connect(&mut server).expect("a session");
    let refused = client.begin_read(part(9), Channel::V1, (&(), 0..9));
    assert!(matches!(refused, Err(Error::Unsupported(_))));
    assert_eq!(client.transport().lent, 0, "nothing stays lent");
    // Everything else is signed, and answers must be.
    assert!(matches!(
        client.open("a", Intent::Read),
        Err(Error::Signature(_))
    ));
    let last = client.transport().asked.last().expect("asked").clone();
    assert_eq!(last[16] & 8, 8);
}

#[test]
fn a_name_list_must_lead_forwards() {
    let mut entry = vec![0; 64];
    entry[60] = 2;
    entry.extend([b'a', 0]);
    let message = |list: &[u8]| {
        let mut body = vec![9, 0, 72, 0];
        body.extend((list.len() as u32).to_le_bytes());
        body.extend(list);
        reply(&[0; SIZE], 0, 0, &body)
    };
    let one = response::query_directory(&message(&entry)).expect("a list");
    assert_eq!(one[0].name, "a");
    entry[0] = 8;
    assert!(response::query_directory(&message(&entry)).is_err());
    entry[0] = 80;
    assert!(response::query_directory(&message(&entry)).is_err());
}

#[test]
fn a_folder_without_end_is_given_up() {
    let mut list = Vec::new();
    for _ in 0..600 {
        let at = list.len();
        list.resize(at + 72, 0);
        list[at] = 72;
    }
    let last = list.len() - 72;
    list[last] = 0;
    let mut body = vec![9, 0, 72, 0];
    body.extend((list.len() as u32).to_le_bytes());
    body.extend(list);
    let mut server = Server::new();
    let transport = Scripted::new(|message: &[u8]| match message[12] {
        14 => vec![reply(message, 0, 0, &body)],
        _ => server.answer(message),
    });
    let mut client = Client::connect(transport, ("server", "share"), &who()).expect("a session");
    let given_up = client.list([1; 16]);
    assert!(matches!(given_up, Err(Error::Unsupported(_))));
}

/// Every parser of responses.
fn parse_all(message: &[u8]) {
    let _ = ResponseHeader::parse(message);
    let _ = response::negotiate(message);
    let _ = response::session_setup(message);
    let _ = response::tree_connect(message);
    let _ = response::create(message);
    let _ = response::read(message);
    let _ = response::write(message);
    let _ = response::query_directory(message);
    let _ = spnego::token_of(message);
    let _ = super::ntlm::Challenge::parse(message);
}

proptest! {
    /// Bytes from nobody are refused or read, and nothing panics.
    #[test]
    fn hostile_responses_are_survived(
        size in prop::sample::select(vec![9_u16, 16, 17, 65, 89]),
        body in prop::collection::vec(any::<u8>(), 0..300),
        message in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        parse_all(&message);
        let mut whole = vec![0; SIZE];
        whole[..4].copy_from_slice(b"\xFESMB");
        whole.extend(size.to_le_bytes());
        whole.extend(body);
        parse_all(&whole);
    }

    /// A good conversation with one byte changed, or an answer cut: an error or not, but no panic, and no end of asking.
    #[test]
    fn a_changed_conversation_is_survived(
        which in 0_usize..8, at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<bool>(),
    ) {
        let mut server = Server::new();
        let mut count = 0;
        let transport = Scripted::new(|message: &[u8]| {
            let mut answers = server.answer(message);
            for answer in &mut answers {
                if count == which {
                    let at = at.index(answer.len());
                    if cut {
                        answer.truncate(at);
                    } else {
                        answer[at] ^= flip;
                    }
                }
                count += 1;
            }
            answers
        });
        if let Ok(mut client) = Client::connect(transport, ("server", "share"), &who()) {
            let _ = client.open("file", Intent::Read);
            let _ = client.list([1; 16]);
            if let Ok(begun) = client.begin_read(part(5), Channel::V1Invalidate, (&(), 0..5)) {
                let _ = client.finish(begun);
            }
        }
    }
}

#[test]
fn requests_say_where_lent_memory_is() {
    let file: FileId = [3; 16];
    let descriptors = [BufferDescriptor {
        offset: 0x10,
        token: 0x20,
        length: 0x30,
    }];
    let part = Part {
        file,
        offset: 5,
        length: 0x30,
    };
    let read = request::read(part, Some((Channel::V1Invalidate, &descriptors)));
    assert_eq!(read[36..40], 2_u32.to_le_bytes());
    assert_eq!(read[44..48], [112, 0, 16, 0]);
    assert_eq!(read[48..], descriptors[0].encode());
    let write = request::write_lent(part, Channel::V1, &descriptors);
    assert_eq!(write[2..8], [0; 6], "no data in the message");
    assert_eq!(write[32..36], 1_u32.to_le_bytes());
    assert_eq!(write[36..40], 0x30_u32.to_le_bytes());
    assert_eq!(write[40..44], [112, 0, 16, 0]);
    assert_eq!(write[48..], descriptors[0].encode());
    assert_eq!(Command::Write.name(), "WRITE");
}
