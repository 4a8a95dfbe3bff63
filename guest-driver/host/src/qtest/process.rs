//! The QEMU process: started with memory of ours, asked over its qtest socket, ended when dropped.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::protocol::Protocol;
use super::{DEVICE, QtestOptions};
use crate::OpenError;
use crate::arena::sealed_memfd;

/// What the machine has besides its functions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Bytes of memory.
    pub(super) memory: u64,
    /// Bytes of it below 4 GiB, from 0 on; what is more lies at 4 GiB. At most 1 GiB, or all.
    pub(super) low: u64,
    /// Whether there is an Intel IOMMU.
    pub(super) iommu: bool,
}

/// QEMU, ended when dropped.
pub(super) struct Machine {
    child: Mutex<Child>,
    protocol: Mutex<Protocol<UnixStream>>,
    gone: AtomicBool,
    files: Vec<PathBuf>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Machine {
    /// Starts QEMU; and the file that is its memory.
    pub(super) fn start(
        options: &QtestOptions,
        shape: Shape,
    ) -> Result<(Arc<Self>, File), OpenError> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("rnic-qtest-{}-{number}.sock", std::process::id());
        let socket_path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&socket_path);
        // Our own sealed memory file, which QEMU opens by its name in /proc: a device that serves several guests takes no
        // memory that can shrink, and a file of QEMU's own making is not sealed.
        let memory = sealed_memfd(shape.memory)
            .map_err(|error| OpenError::new("make", "guest memory", error))?;
        let memory_path = PathBuf::from(format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            memory.as_raw_fd()
        ));
        let listener = UnixListener::bind(&socket_path)
            .map_err(|error| OpenError::new("listen at", socket_path.display(), error))?;
        let child = spawn(options, shape, &memory_path, &socket_path)
            .map_err(|error| OpenError::new("start", options.qemu.display(), error))?;
        let mut machine = Self {
            child: Mutex::new(child),
            // Replaced below; a socket is needed to have the type at all.
            protocol: Mutex::new(Protocol::over(
                UnixStream::pair()
                    .map_err(|error| OpenError::new("make", "a socket", error))?
                    .0,
            )),
            gone: AtomicBool::new(false),
            files: vec![socket_path],
        };
        let stream = accept(&listener, &mut machine)
            .map_err(|error| OpenError::new("talk to", options.qemu.display(), error))?;
        machine.protocol = Mutex::new(Protocol::over(stream));
        Ok((Arc::new(machine), memory))
    }

    /// Asks QEMU something. `None` once it does not answer.
    pub(super) fn ask<T>(
        &self,
        run: impl FnOnce(&mut Protocol<UnixStream>) -> io::Result<T>,
    ) -> Option<T> {
        if self.gone.load(Ordering::Relaxed) {
            return None;
        }
        let mut protocol = self.protocol.lock().unwrap_or_else(PoisonError::into_inner);
        match run(&mut protocol) {
            Ok(value) => Some(value),
            Err(error) => {
                log::warn!("qtest: {error}; the machine counts as gone");
                self.gone.store(true, Ordering::Relaxed);
                None
            }
        }
    }
}

fn spawn(options: &QtestOptions, shape: Shape, memory: &Path, socket: &Path) -> io::Result<Child> {
    let Shape {
        memory: size,
        low,
        iommu,
    } = shape;
    let mut machine = "q35,accel=qtest,memory-backend=m0".to_owned();
    if low < size {
        machine += &format!(",max-ram-below-4g={low}");
    }
    let mut command = Command::new(&options.qemu);
    command
        .args(["-display", "none", "-nodefaults", "-no-user-config"])
        .args(["-machine", &machine])
        .args(["-m", &format!("{}M", size >> 20)])
        .arg("-object")
        .arg(format!(
            "memory-backend-file,id=m0,size={size},mem-path={},share=on",
            memory.display()
        ))
        .arg("-qtest")
        .arg(format!("unix:{}", socket.display()))
        .args(["-qtest-log", "none"]);
    if iommu {
        // Before the devices, which learn of it when they are made.
        command.args(["-device", "intel-iommu,caching-mode=on,intremap=off"]);
    }
    for (number, path) in options.sockets.iter().enumerate() {
        let device = serde_json::json!({
            "driver": "vfio-user-pci",
            "id": format!("rnic{number}"),
            "addr": format!("{:x}.0", usize::from(DEVICE) + number),
            "socket": { "type": "unix", "path": path },
            "x-msg-timeout": 60000,
        });
        command.arg("-device").arg(device.to_string());
    }
    end_with_us(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}

/// A QEMU whose test is killed would live on, and keep the devices from the next one.
fn end_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let end = || {
        // SAFETY: a system call that takes and changes no memory, and is allowed between fork and exec.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: `end` allocates nothing and takes no lock.
    unsafe { command.pre_exec(end) };
}

/// QEMU connects to us; or it ends, and its own message on standard error says why.
fn accept(listener: &UnixListener, machine: &mut Machine) -> io::Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let child = machine
        .child
        .get_mut()
        .unwrap_or_else(PoisonError::into_inner);
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
