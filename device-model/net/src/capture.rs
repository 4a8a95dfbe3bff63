//! A recording of ports in pcapng, begun and ended at any time.
//!
//! Whoever carries frames calls [`Capture::frame`]; while nothing is recorded that costs one load. A
//! thread of its own writes, so that a slow reader does not hold a device up: what it cannot write in
//! time for a FIFO is left out and counted, whole frames at a time; a file is waited for.
//!
//! Each port is an interface of the file. A frame is there once, at its sender, when all ports are
//! recorded; else at each recorded port that it passes. Directions are the port's: out is what its
//! device sends. Tests: below; `../tests/` of the daemon for the whole of it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::pcap::{Direction, PcapngWriter};
use crate::switch::Port;

/// Octets that wait to be written at most.
const QUEUE_OCTETS: usize = 32 << 20;
/// How long the end of a recording waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a recording has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounts {
    /// Frames that are written, or wait to be.
    pub frames: u64,
    /// Frames left out because the reader was too slow.
    pub left_out: u64,
}

/// Why a recording does not begin or has ended.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// One at a time.
    #[error("a capture runs already; stop it first")]
    Running,
    /// There is none.
    #[error("no capture runs")]
    NotRunning,
    /// A port that there is not.
    #[error("there is no port {name}; ports are {}", .known.join(", "))]
    NoPort {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A FIFO without a reader.
    #[error("nobody reads the FIFO {0}; start the reader first, for example: wireshark -k -i {0}")]
    NoReader(String),
    /// The file.
    #[error("the capture {0} cannot be written: {1}")]
    File(String, io::Error),
}

struct Item {
    port: Port,
    time_ns: u64,
    direction: Direction,
    in_process: bool,
    data: Box<[u8]>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    octets: usize,
    ending: bool,
    failed: Option<io::Error>,
}

/// What the recording and its writer share.
#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// The writer gives up a reader that takes nothing.
    ending: AtomicBool,
    frames: AtomicU64,
    left_out: AtomicU64,
}

struct Running {
    shared: Arc<Shared>,
    writer: JoinHandle<()>,
    name: String,
    /// Ports that are recorded; none: all.
    ports: Option<Vec<bool>>,
    /// A slow reader costs frames, not time.
    fifo: bool,
}

/// The ports of a process, as they can be recorded.
#[derive(Default)]
pub struct Capture {
    names: Vec<String>,
    on: AtomicBool,
    running: Mutex<Option<Running>>,
}

impl Capture {
    /// Nothing is recorded yet. `names` are the ports', in their order.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self {
            names,
            on: AtomicBool::new(false),
            running: Mutex::default(),
        }
    }

    /// Whether anything is recorded.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Begins to record to a file, which is replaced, or to a FIFO that somebody reads. `ports` are names; none: all.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub fn start(&self, path: &Path, ports: &[String]) -> Result<(), CaptureError> {
        let mut running = lock(&self.running);
        if running.is_some() {
            return Err(CaptureError::Running);
        }
        let chosen = self.choose(ports)?;
        let name = path.display().to_string();
        let failed = |error| CaptureError::File(name.clone(), error);
        let fifo = std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo());
        let shared = Arc::new(Shared::default());
        let out: Box<dyn Write + Send> = if fifo {
            let open = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(path);
            let file = open.map_err(|error| match error.raw_os_error() {
                Some(libc::ENXIO) => CaptureError::NoReader(name.clone()),
                _ => failed(error),
            })?;
            Box::new(Fifo {
                file,
                shared: Arc::clone(&shared),
            })
        } else {
            Box::new(File::create(path).map_err(failed)?)
        };
        // Written by the thread, which may wait for a reader.
        let (names, of_writer) = (self.names.clone(), Arc::clone(&shared));
        let body = move || {
            if let Err(error) = write(&of_writer, &names, out) {
                lock(&of_writer.queue).failed = Some(error);
                of_writer.changed.notify_all();
            }
        };
        let builder = thread::Builder::new().name("capture".into());
        *running = Some(Running {
            writer: builder.spawn(body).map_err(failed)?,
            shared,
            name,
            ports: chosen,
            fifo,
        });
        self.on.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn choose(&self, ports: &[String]) -> Result<Option<Vec<bool>>, CaptureError> {
        if ports.is_empty() {
            return Ok(None);
        }
        if let Some(name) = ports.iter().find(|name| !self.names.contains(name)) {
            return Err(CaptureError::NoPort {
                name: name.clone(),
                known: self.names.clone(),
            });
        }
        Ok(Some(
            self.names.iter().map(|name| ports.contains(name)).collect(),
        ))
    }

    /// Ends the recording; what it came to. Everything recorded is in the file then.
    ///
    /// # Errors
    /// [`CaptureError::NotRunning`], or [`CaptureError::File`] if it could not be written to its end.
    pub fn stop(&self) -> Result<CaptureCounts, CaptureError> {
        let running = lock(&self.running).take();
        self.on.store(false, Ordering::Relaxed);
        let Running {
            shared,
            writer,
            name,
            ..
        } = running.ok_or(CaptureError::NotRunning)?;
        shared.ending.store(true, Ordering::Relaxed);
        lock(&shared.queue).ending = true;
        shared.changed.notify_all();
        let joined = writer.join();
        let failed = lock(&shared.queue).failed.take();
        match failed {
            Some(error) => Err(CaptureError::File(name, error)),
            None if joined.is_err() => {
                let error = io::Error::other("its writer panicked");
                Err(CaptureError::File(name, error))
            }
            None => Ok(shared.counts()),
        }
    }

    /// The file and the counts of the recording, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<(String, CaptureCounts)> {
        let running = lock(&self.running);
        let running = running.as_ref()?;
        Some((running.name.clone(), running.shared.counts()))
    }

    /// A frame that `from` sent to the switch and that leaves it through every other port.
    pub fn flood(&self, from: Port, frame: &[u8]) {
        let running = lock(&self.running);
        let Some(running) = running.as_ref() else {
            return;
        };
        let Some(chosen) = &running.ports else {
            running.push(from, Direction::Outbound, false, frame);
            return;
        };
        for (port, chosen) in (0..).zip(chosen) {
            let direction = if port == from {
                Direction::Outbound
            } else {
                Direction::Inbound
            };
            if *chosen {
                running.push(port, direction, false, frame);
            }
        }
    }

    /// A frame that `from` sent to the switch and that leaves it through the port `to`, if that is
    /// one. `in_process`: it is a segment as it would have been.
    pub fn frame(&self, from: Port, to: Option<Port>, in_process: bool, frame: &[u8]) {
        if !self.is_on() {
            return;
        }
        let running = lock(&self.running);
        let Some(running) = running.as_ref() else {
            return;
        };
        match &running.ports {
            None => running.push(from, Direction::Outbound, in_process, frame),
            Some(chosen) => {
                let is = |port: Port| {
                    let place = usize::try_from(port).ok();
                    place.and_then(|p| chosen.get(p)).copied().unwrap_or(false)
                };
                if is(from) {
                    running.push(from, Direction::Outbound, in_process, frame);
                }
                if let Some(to) = to.filter(|to| is(*to)) {
                    running.push(to, Direction::Inbound, in_process, frame);
                }
            }
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Err(error) = self.stop()
            && !matches!(error, CaptureError::NotRunning)
        {
            log::warn!("{error}");
        }
    }
}

impl Shared {
    fn counts(&self) -> CaptureCounts {
        CaptureCounts {
            frames: self.frames.load(Ordering::Relaxed),
            left_out: self.left_out.load(Ordering::Relaxed),
        }
    }
}

impl Running {
    fn push(&self, port: Port, direction: Direction, in_process: bool, frame: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let item = Item {
            port,
            time_ns: now.map_or(0, |t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)),
            direction,
            in_process,
            data: frame.into(),
        };
        let mut queue = lock(&self.shared.queue);
        while queue.octets >= QUEUE_OCTETS && queue.failed.is_none() && !self.fifo {
            let waited = self.shared.changed.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if queue.octets >= QUEUE_OCTETS || queue.failed.is_some() {
            self.shared.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.octets += item.data.len();
        queue.items.push_back(item);
        drop(queue);
        self.shared.frames.fetch_add(1, Ordering::Relaxed);
        self.shared.changed.notify_all();
    }
}

/// Writes until the recording ends.
fn write(shared: &Shared, names: &[String], out: Box<dyn Write + Send>) -> io::Result<()> {
    let mut writer = PcapngWriter::new(BufWriter::with_capacity(1 << 16, out))?;
    for name in names {
        writer.interface(name)?;
    }
    writer.flush()?;
    loop {
        let mut queue = lock(&shared.queue);
        while queue.items.is_empty() && !queue.ending {
            let waited = shared.changed.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let items = std::mem::take(&mut queue.items);
        queue.octets = 0;
        drop(queue);
        shared.changed.notify_all();
        if items.is_empty() {
            return writer.flush();
        }
        for item in items {
            let comment = if item.in_process {
                "in process: no frame was on a wire"
            } else {
                ""
            };
            writer.frame(item.port, item.time_ns, item.direction, &item.data, comment)?;
        }
        // So that whoever reads along sees it now.
        writer.flush()?;
    }
}

/// A FIFO, written without waiting for ever.
struct Fifo {
    file: File,
    shared: Arc<Shared>,
}

impl Write for Fifo {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut since = None;
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.shared.ending.load(Ordering::Relaxed) {
                        let start = *since.get_or_insert_with(Instant::now);
                        if start.elapsed() > PATIENCE {
                            return Err(error);
                        }
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A thread that panicked left the data whole: every critical section above is a few stores.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcap::CaptureReader;
    use std::io::Read;
    use std::process::Command;

    fn capture() -> Capture {
        Capture::new(vec!["device0".into(), "device1".into(), "dgram0".into()])
    }

    fn read(file: &[u8]) -> Vec<(u32, Direction, Vec<u8>)> {
        let mut reader = CaptureReader::new(file).unwrap();
        let mut all = Vec::new();
        while let Some(f) = reader.next_frame().unwrap() {
            all.push((f.interface, f.direction, f.data.to_vec()));
        }
        all
    }

    #[test]
    fn recordings_begin_and_end_and_hold_what_passed_between() {
        let dir = tempfile::tempdir().unwrap();
        let capture = capture();
        for n in 0..3u8 {
            let path = dir.path().join(n.to_string());
            capture.frame(0, Some(1), false, &[9; 60]);
            capture.start(&path, &[]).unwrap();
            assert!(matches!(
                capture.start(&path, &[]),
                Err(CaptureError::Running)
            ));
            capture.frame(0, Some(1), false, &[n; 60]);
            capture.frame(2, None, true, &[n; 61]);
            assert_eq!(capture.status().unwrap().1.frames, 2);
            assert_eq!(capture.stop().unwrap().frames, 2);
            assert!(matches!(capture.stop(), Err(CaptureError::NotRunning)));
            capture.frame(0, Some(1), false, &[9; 60]);
            let file = std::fs::read(&path).unwrap();
            let want = [
                (0, Direction::Outbound, vec![n; 60]),
                (2, Direction::Outbound, vec![n; 61]),
            ];
            assert_eq!(read(&file), want);
            let says = |text: &[u8]| file.windows(text.len()).any(|w| w == text);
            assert!(says(b"device1") && says(b"in process: no frame"));
        }
        assert_eq!(capture.status(), None);
    }

    #[test]
    fn a_chosen_port_shows_both_directions_and_no_other_port() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let capture = capture();
        let error = capture.start(&path, &["device7".into()]).unwrap_err();
        assert!(
            error.to_string().contains("device0, device1, dgram0"),
            "{error}"
        );
        capture.start(&path, &["device1".into()]).unwrap();
        capture.frame(0, Some(1), false, &[1; 60]);
        capture.frame(1, Some(0), false, &[2; 60]);
        capture.frame(0, Some(2), false, &[3; 60]);
        capture.stop().unwrap();
        let want = [
            (1, Direction::Inbound, vec![1; 60]),
            (1, Direction::Outbound, vec![2; 60]),
        ];
        assert_eq!(read(&std::fs::read(&path).unwrap()), want);
    }

    fn fifo(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        path
    }

    #[test]
    fn a_fifo_is_read_while_frames_come() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(dir.path());
        let capture = capture();
        let error = capture.start(&path, &[]).unwrap_err();
        assert!(error.to_string().contains("wireshark -k -i"), "{error}");
        // Opened for both, so that this does not wait for the other side.
        let mut reader = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        capture.start(&path, &[]).unwrap();
        capture.frame(0, Some(1), false, &[7; 60]);
        let mut live = Vec::new();
        let mut chunk = [0; 4096];
        while !live.windows(60).any(|w| w == [7; 60]) {
            let count = reader.read(&mut chunk).unwrap();
            live.extend(&chunk[..count]);
        }
        assert!(capture.is_on(), "still running");
        capture.stop().unwrap();
        assert_eq!(read(&live).len(), 1);
    }

    #[test]
    fn a_reader_that_sleeps_costs_whole_frames_and_never_the_sender() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(dir.path());
        let _reader = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let capture = capture();
        capture.start(&path, &[]).unwrap();
        let frame = vec![1; 60_000];
        for _ in 0..3 * QUEUE_OCTETS / frame.len() {
            capture.frame(0, None, false, &frame);
        }
        let (_, counts) = capture.status().unwrap();
        assert!(counts.left_out > 0 && counts.frames > 0, "{counts:?}");
        // The reader takes nothing, so the rest is given up.
        assert!(matches!(capture.stop(), Err(CaptureError::File(..))));
    }

    #[test]
    fn a_reader_that_goes_ends_the_writing_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(dir.path());
        let reader = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let capture = capture();
        capture.start(&path, &[]).unwrap();
        drop(reader);
        while capture.status().unwrap().1.left_out == 0 {
            capture.frame(0, None, false, &[1; 1000]);
        }
        assert!(matches!(capture.stop(), Err(CaptureError::File(..))));
    }
}
