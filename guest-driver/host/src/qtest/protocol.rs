//! The text protocol of QEMU's qtest accelerator: a command a line, an answer a line, `IRQ` lines in between.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// A connection to QEMU.
pub(super) struct Protocol<S> {
    stream: BufReader<S>,
}

impl Protocol<UnixStream> {
    pub(super) fn over(stream: UnixStream) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }
}

/// One line answers, and none is longer than this.
const LONGEST: u64 = 4096;

impl<S: io::Read + Write> Protocol<S> {
    /// Sends a command and takes its answer, the word `OK` removed.
    fn ask(&mut self, command: std::fmt::Arguments<'_>) -> io::Result<String> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{command}\n").as_bytes())?;
        stream.flush()?;
        loop {
            let mut line = String::new();
            io::Read::take(&mut self.stream, LONGEST).read_line(&mut line)?;
            let Some(line) = line.strip_suffix('\n') else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let mut words = line.split(' ');
            match words.next() {
                Some("IRQ") => {}
                Some("OK") => return Ok(words.next().unwrap_or("").to_owned()),
                _ => {
                    return Err(io::Error::other(format!(
                        "QEMU answered `{line}` to `{command}`"
                    )));
                }
            }
        }
    }

    fn value(&mut self, command: std::fmt::Arguments<'_>) -> io::Result<u64> {
        let answer = self.ask(command)?;
        let digits = answer.strip_prefix("0x").unwrap_or(&answer);
        u64::from_str_radix(digits, 16).map_err(io::Error::other)
    }

    /// Reads `width` bytes of guest physical memory: 4 or 8.
    pub(super) fn read(&mut self, address: u64, width: u8) -> io::Result<u64> {
        let letter = if width == 8 { 'q' } else { 'l' };
        self.value(format_args!("read{letter} {address:#x}"))
    }

    /// Writes `width` bytes of guest physical memory: 4 or 8.
    pub(super) fn write(&mut self, address: u64, width: u8, value: u64) -> io::Result<()> {
        let letter = if width == 8 { 'q' } else { 'l' };
        self.ask(format_args!("write{letter} {address:#x} {value:#x}"))
            .map(|_| ())
    }

    /// Reads an I/O port of 1, 2 or 4 bytes.
    pub(super) fn port_read(&mut self, port: u16, width: u8) -> io::Result<u32> {
        let letter = letter(width);
        let value = self.value(format_args!("in{letter} {port:#x}"))?;
        u32::try_from(value).map_err(io::Error::other)
    }

    /// Writes an I/O port of 1, 2 or 4 bytes.
    pub(super) fn port_write(&mut self, port: u16, width: u8, value: u32) -> io::Result<()> {
        let letter = letter(width);
        self.ask(format_args!("out{letter} {port:#x} {value:#x}"))
            .map(|_| ())
    }
}

fn letter(width: u8) -> char {
    match width {
        1 => 'b',
        2 => 'w',
        _ => 'l',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What QEMU would say, and what it was told.
    struct Script(io::Cursor<&'static [u8]>, Vec<u8>);

    impl io::Read for Script {
        fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
            self.0.read(data)
        }
    }

    impl Write for Script {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.1.write(data)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn script(answers: &'static str) -> Protocol<Script> {
        Protocol {
            stream: BufReader::new(Script(io::Cursor::new(answers.as_bytes()), Vec::new())),
        }
    }

    #[test]
    fn commands_and_answers_are_lines() {
        let mut p = script("OK 0x12345678\nIRQ raise 3\nOK 0x0000000100000002\nOK\nOK\nOK 0xff\n");
        assert_eq!(p.read(0xC000_0004, 4).unwrap(), 0x1234_5678);
        assert_eq!(p.read(0xC000_0008, 8).unwrap(), 0x1_0000_0002);
        p.write(0x1000, 8, 7).unwrap();
        p.port_write(0xCF8, 4, 0x8000_1800).unwrap();
        assert_eq!(p.port_read(0xCFC, 1).unwrap(), 0xFF);
        let told = String::from_utf8(p.stream.get_ref().1.clone()).unwrap();
        assert_eq!(
            told,
            "readl 0xc0000004\nreadq 0xc0000008\nwriteq 0x1000 0x7\noutl 0xcf8 0x80001800\ninb 0xcfc\n"
        );
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        assert!(script("FAIL unknown command\n").read(0, 4).is_err());
        assert!(script("OK zebra\n").read(0, 4).is_err());
        assert!(script("OK 0x1").read(0, 4).is_err(), "cut off");
        assert!(script("").read(0, 4).is_err());
    }
}
