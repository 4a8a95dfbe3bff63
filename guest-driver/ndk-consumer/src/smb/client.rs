//! A session with one share.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use super::header::{Command, FLAG_SIGNED, RequestHeader, ResponseHeader, UNASKED};
use super::ntlm::{self, Challenge, Credentials, Fresh};
use super::request::{self, Channel, FileId, Intent, Part};
use super::response::{self, Entry, Negotiated, Opened};
use super::security::{Preauthentication, SigningKey};
use super::transport::{Access, Lent, Transport};
use super::{Error, spnego, status};

/// Credits that each request asks for; what a transfer of 8 MiB costs is 128.
const CREDITS: u16 = 256;
/// Bytes that a credit pays for.
const CREDIT_BYTES: u32 = 65_536;
/// Seconds between 1601 and 1970.
const EPOCH: u64 = 11_644_473_600;
/// Room for a list of names, and names of a folder that are taken in all.
const LIST: u32 = 65_536;
const NAMES: usize = 1 << 20;

/// A transfer that has begun.
#[derive(Debug)]
pub struct Begun {
    message: u64,
    what: String,
    lent: Lent,
    asked: u32,
}

/// A session with a share, over a transport.
pub struct Client<T: Transport> {
    transport: T,
    negotiated: Negotiated,
    key: Option<SigningKey>,
    session: u64,
    tree: u32,
    next: u64,
    credits: u32,
    /// Messages that are not answered.
    awaited: BTreeSet<u64>,
    /// Answers that nobody has asked for yet.
    answers: BTreeMap<u64, (ResponseHeader, Vec<u8>)>,
    server: String,
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Unsupported(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

/// Now, as FILETIME.
fn filetime() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_secs() + EPOCH) * 10_000_000 + u64::from(since.subsec_nanos()) / 100
}

impl<T: Transport> Client<T> {
    /// Negotiates, logs on, and connects to the share.
    ///
    /// # Errors
    /// The server says no, breaks the protocol, or is gone.
    pub fn connect(
        transport: T,
        (server, share): (&str, &str),
        who: &Credentials,
    ) -> Result<Self, Error> {
        let mut client = Self {
            transport,
            negotiated: Negotiated {
                signing_required: false,
                max_read: 0,
                max_write: 0,
            },
            key: None,
            session: 0,
            tree: 0,
            next: 0,
            credits: 1,
            awaited: BTreeSet::new(),
            answers: BTreeMap::new(),
            server: server.to_owned(),
        };
        let mut said = Preauthentication::default();
        client.negotiate(&mut said)?;
        client.log_on(who, &mut said)?;
        client.tree_connect(share)?;
        Ok(client)
    }

    /// What the server can do.
    #[must_use]
    pub fn negotiated(&self) -> Negotiated {
        self.negotiated
    }

    /// What carries the messages.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Most bytes of one transfer by RDMA.
    #[must_use]
    pub fn max_transfer(&self) -> usize {
        let server = self.negotiated.max_read.min(self.negotiated.max_write);
        self.transport.max_transfer().min(server as usize)
    }

    /// Most bytes of a read or write inside messages.
    #[must_use]
    pub fn max_inline(&self) -> usize {
        let server = self.negotiated.max_read.min(self.negotiated.max_write);
        // What stands before the data of a READ's answer and of a WRITE is shorter than 128 bytes.
        (self.transport.max_message().saturating_sub(128)).min(server as usize)
    }

    fn negotiate(&mut self, said: &mut Preauthentication) -> Result<(), Error> {
        let body = request::negotiate(random()?, random()?);
        let message = self.prepare(Command::Negotiate, 1, &body)?;
        said.add(&message);
        let id = self.dispatch(message)?;
        let (header, answer) = self.answer(id)?;
        expect(&header, "SMB negotiation", &[status::SUCCESS])?;
        said.add(&answer);
        self.negotiated = response::negotiate(&answer)?;
        Ok(())
    }

    /// Says a token; gives the answer.
    fn set_up(
        &mut self,
        token: &[u8],
        said: &mut Preauthentication,
    ) -> Result<(ResponseHeader, Vec<u8>), Error> {
        let message = self.prepare(Command::SessionSetup, 1, &request::session_setup(token))?;
        said.add(&message);
        let id = self.dispatch(message)?;
        self.answer(id)
    }

    fn log_on(&mut self, who: &Credentials, said: &mut Preauthentication) -> Result<(), Error> {
        let what = format!("logging on at {} as {}", self.server, who.user);
        let (header, answer) = self.set_up(&spnego::first(&ntlm::negotiate()), said)?;
        expect(&header, &what, &[status::MORE_PROCESSING_REQUIRED])?;
        said.add(&answer);
        self.session = header.session;
        let message = spnego::token_of(response::session_setup(&answer)?.token)?;
        let challenge = Challenge::parse(message)?;
        let fresh = Fresh {
            challenge: random()?,
            time: filetime(),
        };
        let (token, session_key) = ntlm::authenticate(who, message, &challenge, fresh);
        let (header, answer) = self.set_up(&spnego::next(&token), said)?;
        expect(&header, &what, &[status::SUCCESS])?;
        let session = response::session_setup(&answer)?;
        if session.guest {
            return Err(Error::Unsupported(format!(
                "{what}: the server takes us for a guest, whose messages nobody can sign; name a user that it knows"
            )));
        }
        if session.encrypted {
            return Err(Error::Unsupported(format!(
                "{what}: the server asks for encryption, which this client does not have"
            )));
        }
        let key = said.signing_key(&session_key);
        if !key.verifies(&answer) {
            return Err(Error::Signature("SESSION_SETUP"));
        }
        self.key = Some(key);
        Ok(())
    }

    fn tree_connect(&mut self, share: &str) -> Result<(), Error> {
        let path = format!(r"\\{}\{share}", self.server);
        let body = request::tree_connect(&path);
        let (header, answer) = self.ask(Command::TreeConnect, 1, &body)?;
        expect(
            &header,
            &format!("connecting to {path}"),
            &[status::SUCCESS],
        )?;
        if response::tree_connect(&answer)? {
            return Err(Error::Unsupported(format!(
                "{path} asks for encryption, which this client does not have"
            )));
        }
        self.tree = header.tree;
        Ok(())
    }

    /// Whether a request is signed: what the server asks for, and always the one that a session's safety rests on (MS-SMB2,
    /// 3.2.4.1.1). A signature does not cover what goes by RDMA.
    fn signs(&self, command: Command) -> bool {
        self.key.is_some() && (self.negotiated.signing_required || command == Command::TreeConnect)
    }

    /// A message with the next number, signed if it must be. Waits for credits.
    fn prepare(&mut self, command: Command, charge: u32, body: &[u8]) -> Result<Vec<u8>, Error> {
        while self.credits < charge {
            if self.awaited.is_empty() {
                return Err(Error::Protocol(format!(
                    "the server grants {} credits, and {charge} are needed",
                    self.credits
                )));
            }
            self.take_answer()?;
        }
        self.credits -= charge;
        let header = RequestHeader {
            command,
            // The first messages cost nothing more than one (MS-SMB2, 3.2.4.1.5).
            charge: u16::try_from(charge).unwrap_or(u16::MAX),
            credits: CREDITS,
            message: self.next,
            tree: self.tree,
            session: self.session,
        };
        self.next += u64::from(charge);
        let mut message = header.encode();
        message.extend(body);
        if self.signs(command)
            && let Some(key) = &self.key
        {
            key.sign(&mut message);
        }
        Ok(message)
    }

    /// Sends a prepared message; its number.
    fn dispatch(&mut self, message: Vec<u8>) -> Result<u64, Error> {
        let mut id = [0; 8];
        id.copy_from_slice(&message[24..32]);
        let id = u64::from_le_bytes(id);
        self.transport.send(message)?;
        self.awaited.insert(id);
        Ok(id)
    }

    /// Takes in one message.
    fn take_answer(&mut self) -> Result<(), Error> {
        let message = self.transport.receive()?;
        let header = ResponseHeader::parse(&message)?;
        if header.message == UNASKED {
            // No oplock is ever held: nothing has to be given back.
            return Ok(());
        }
        if header.next != 0 {
            return Err(Error::Protocol("an answer holds several".into()));
        }
        self.credits = (self.credits + u32::from(header.credits)).min(u32::from(u16::MAX));
        if header.is_interim() {
            return Ok(());
        }
        if !self.awaited.remove(&header.message) {
            return Err(Error::Protocol(format!(
                "an answer to message {}, which awaits none",
                header.message
            )));
        }
        self.answers.insert(header.message, (header, message));
        Ok(())
    }

    /// Waits for the answer to a message.
    fn answer(&mut self, id: u64) -> Result<(ResponseHeader, Vec<u8>), Error> {
        loop {
            if let Some((header, message)) = self.answers.remove(&id) {
                if let Some(key) = &self.key {
                    // A refusal of a share gives nobody anything, and ksmbd signs it wrongly.
                    let share = header.command == Command::TreeConnect as u16;
                    let refused = share && header.status != status::SUCCESS;
                    let signed = header.flags & FLAG_SIGNED != 0;
                    let must = signed || share || self.negotiated.signing_required;
                    if must && !refused && !key.verifies(&message) {
                        return Err(Error::Signature("a request"));
                    }
                }
                return Ok((header, message));
            }
            if !self.awaited.contains(&id) {
                return Err(Error::Protocol(format!("message {id} awaits no answer")));
            }
            self.take_answer()?;
        }
    }

    fn ask(
        &mut self,
        command: Command,
        charge: u32,
        body: &[u8],
    ) -> Result<(ResponseHeader, Vec<u8>), Error> {
        let message = self.prepare(command, charge, body)?;
        let id = self.dispatch(message)?;
        let (header, answer) = self.answer(id)?;
        if header.command != command as u16 {
            return Err(Error::Protocol(format!(
                "{} is answered by command {}",
                command.name(),
                header.command
            )));
        }
        Ok((header, answer))
    }

    /// Opens a path below the share.
    ///
    /// # Errors
    /// The server says no, breaks the protocol, or is gone.
    pub fn open(&mut self, path: &str, intent: Intent) -> Result<Opened, Error> {
        let path = path.replace('/', r"\");
        let body = request::create(path.trim_start_matches('\\'), intent);
        let (header, answer) = self.ask(Command::Create, 1, &body)?;
        expect(&header, &format!("opening {path}"), &[status::SUCCESS])?;
        response::create(&answer)
    }

    /// Closes a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn close(&mut self, file: FileId) -> Result<(), Error> {
        let (header, _) = self.ask(Command::Close, 1, &request::close(file))?;
        expect(&header, "closing a file", &[status::SUCCESS])
    }

    /// Has the server write a file to its disk.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn flush(&mut self, file: FileId) -> Result<(), Error> {
        let (header, _) = self.ask(Command::Flush, 1, &request::flush(file))?;
        expect(&header, "flushing a file", &[status::SUCCESS])
    }

    /// Names in an open folder.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn list(&mut self, folder: FileId) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        let room = LIST.min(u32::try_from(self.max_inline()).unwrap_or(LIST));
        loop {
            let body = request::query_directory(folder, room);
            let (header, answer) = self.ask(Command::QueryDirectory, 1, &body)?;
            if header.status == status::NO_MORE_FILES {
                return Ok(entries);
            }
            expect(&header, "listing a folder", &[status::SUCCESS])?;
            let more = response::query_directory(&answer)?;
            if more.is_empty() {
                return Ok(entries);
            }
            entries.extend(more);
            if entries.len() > NAMES {
                return Err(Error::Unsupported(format!(
                    "the folder has more than {NAMES} names"
                )));
            }
        }
    }

    /// Reads inside messages; less than asked for at the end of the file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(&mut self, part: Part) -> Result<Vec<u8>, Error> {
        let body = request::read(part, None);
        let (header, answer) = self.ask(Command::Read, charge(part.length), &body)?;
        if header.status == status::END_OF_FILE {
            return Ok(Vec::new());
        }
        expect(&header, "reading", &[status::SUCCESS])?;
        let data = response::read(&answer)?.data;
        if data.len() > part.length as usize {
            return Err(Error::Protocol("more was read than asked for".into()));
        }
        Ok(data.to_vec())
    }

    /// Writes inside a message.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn write(&mut self, file: FileId, offset: u64, data: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let body = request::write(file, offset, data);
        let (header, answer) = self.ask(Command::Write, charge(length), &body)?;
        expect(&header, "writing", &[status::SUCCESS])?;
        all_written(response::write(&answer)?, length)
    }

    /// Begins to read by RDMA into a part of a buffer as long as the part of the file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn begin_read(
        &mut self,
        part: Part,
        channel: Channel,
        into: (&T::Buffer, Range<usize>),
    ) -> Result<Begun, Error> {
        self.may_lend()?;
        let lent = self.transport.lend(into.0, into.1, Access::Write)?;
        let body = request::read(part, Some((channel, &lent.descriptors)));
        self.begin(Command::Read, part.length, &body, lent)
    }

    /// Begins to write a part of a buffer by RDMA.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn begin_write(
        &mut self,
        part: Part,
        channel: Channel,
        from: (&T::Buffer, Range<usize>),
    ) -> Result<Begun, Error> {
        self.may_lend()?;
        let lent = self.transport.lend(from.0, from.1, Access::Read)?;
        let body = request::write_lent(part, channel, &lent.descriptors);
        self.begin(Command::Write, part.length, &body, lent)
    }

    /// What must be signed does not go by RDMA, which a signature does not cover (MS-SMB2, 3.2.4.6).
    fn may_lend(&self) -> Result<(), Error> {
        if self.negotiated.signing_required {
            return Err(Error::Unsupported(
                "the server asks for signatures, which do not cover RDMA: data has to go inside messages".into(),
            ));
        }
        Ok(())
    }

    fn begin(
        &mut self,
        command: Command,
        asked: u32,
        body: &[u8],
        lent: Lent,
    ) -> Result<Begun, Error> {
        let message = self.prepare(command, charge(asked), body)?;
        Ok(Begun {
            message: self.dispatch(message)?,
            what: format!("{} of {asked} bytes by RDMA", command.name()),
            lent,
            asked,
        })
    }

    /// Waits for a transfer; bytes that were read or written. The memory is ours again then.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn finish(&mut self, begun: Begun) -> Result<u32, Error> {
        let (header, answer) = self.answer(begun.message)?;
        self.transport.take_back(begun.lent)?;
        if header.status == status::END_OF_FILE {
            return Ok(0);
        }
        expect(&header, &begun.what, &[status::SUCCESS])?;
        if header.command == Command::Read as u16 {
            let read = response::read(&answer)?;
            if !read.data.is_empty() || read.written > begun.asked {
                return Err(Error::Protocol(format!(
                    "{}: {} bytes in the answer, {} by RDMA",
                    begun.what,
                    read.data.len(),
                    read.written
                )));
            }
            return Ok(read.written);
        }
        let written = response::write(&answer)?;
        all_written(written, begun.asked)?;
        Ok(written)
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn leave(mut self) -> Result<(), Error> {
        for command in [Command::TreeDisconnect, Command::Logoff] {
            let (header, _) = self.ask(command, 1, &request::farewell())?;
            expect(&header, command.name(), &[status::SUCCESS])?;
        }
        Ok(())
    }
}

/// Credits that a payload costs (MS-SMB2, 3.2.4.1.5).
fn charge(bytes: u32) -> u32 {
    bytes.div_ceil(CREDIT_BYTES).max(1)
}

fn expect(header: &ResponseHeader, what: &str, wanted: &[u32]) -> Result<(), Error> {
    if wanted.contains(&header.status) {
        return Ok(());
    }
    Err(Error::Status {
        what: what.to_owned(),
        status: header.status,
    })
}

fn all_written(written: u32, asked: u32) -> Result<(), Error> {
    if written == asked {
        return Ok(());
    }
    Err(Error::Protocol(format!(
        "{written} of {asked} bytes were written"
    )))
}
