//! The host as its users see it: load a driver, give it adapters, unload it; what must be gone then is checked.
//!
//! `unsafe`: DriverEntry and Unload are called.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ndis_sys::ndis::NDIS_STATUS_SUCCESS;
use ndis_sys::nt::{DRIVER_OBJECT, UNICODE_STRING};

use crate::breach::{Rule, breach};
use crate::image::{Image, LoadError};
use crate::loaded::{self, Loaded};
use crate::machine::Machine;
use crate::ndis::adapter::{self, Adapter};
use crate::ndis::config::Value;
use crate::ndis::{self, driver, handle};
use crate::netio;
use crate::nt::{self, dpc, pool, work};
use crate::thunk::{self, Export};
use crate::{cpu, enter, machine, mmio, ram, thread};

/// Why the host could not go on; the driver is not loaded then.
#[derive(Debug)]
pub enum HostError {
    /// The image.
    Load(LoadError),
    /// DriverEntry failed with this status.
    Entry(i32),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(f, "{error}"),
            Self::Entry(status) => write!(f, "DriverEntry failed with {status:#010x}"),
        }
    }
}

impl std::error::Error for HostError {}

fn tables() -> [(&'static str, &'static [Export]); 5] {
    [
        ("ntoskrnl.exe", nt::exports::NTOSKRNL),
        ("ntoskrnl.exe", nt::exports::COMPILER),
        ("hal.dll", nt::exports::HAL),
        ("ndis.sys", ndis::exports::NDIS),
        ("netio.sys", netio::exports::NETIO),
    ]
}

/// Address for an import; `None` if the host does not have it.
pub fn resolve(image: &str, name: &str) -> Option<usize> {
    let mut tables = tables().into_iter();
    let export = tables.find_map(|(from, exports)| {
        let exports = from.eq_ignore_ascii_case(image).then_some(exports)?;
        exports.iter().find(|export| export.name == name)
    })?;
    Some(thunk::address(export))
}

/// A loaded driver.
pub struct Host {
    loaded: &'static Loaded,
    object: Box<DRIVER_OBJECT>,
    functions: Vec<Arc<dyn Machine>>,
}

impl Host {
    /// Loads the file and runs DriverEntry. `functions` are the devices of the machine; they share its memory.
    pub fn load(path: &Path, functions: Vec<Arc<dyn Machine>>) -> Result<Self, HostError> {
        thread::prepare();
        mmio::install();
        cpu::start();
        for (index, function) in functions.iter().enumerate() {
            machine::set(index, function.clone());
        }
        match functions.first() {
            Some(function) => {
                let (base, bytes) = function.memory();
                ram::install(base, bytes);
            }
            None => ram::install_own(),
        }
        let image = Image::load(path, &resolve).map_err(HostError::Load)?;
        let loaded = loaded::set(image);
        // SAFETY: plain data, all zero allowed.
        let mut object: Box<DRIVER_OBJECT> = Box::new(unsafe { std::mem::zeroed() });
        object.Type = 4;
        object.Size = size_of::<DRIVER_OBJECT>() as i16;
        object.DriverStart = loaded.image.base as _;
        object.DriverSize = loaded.image.size as u32;
        let mut host = Self {
            loaded,
            object,
            functions,
        };
        let status = host.enter();
        loaded.image.discard_init();
        if status != 0 {
            host.retire();
            return Err(HostError::Entry(status));
        }
        Ok(host)
    }

    fn enter(&mut self) -> i32 {
        let mut path: Vec<u16> = r"\Registry\Machine\System\CurrentControlSet\Services\rnic"
            .encode_utf16()
            .collect();
        let path = UNICODE_STRING {
            Length: path.len() as u16 * 2,
            MaximumLength: path.len() as u16 * 2,
            Buffer: path.as_mut_ptr(),
        };
        let object: *mut DRIVER_OBJECT = &raw mut *self.object;
        // SAFETY: the image's entry point has this signature.
        let entry = unsafe {
            std::mem::transmute::<
                usize,
                unsafe extern "win64" fn(*mut DRIVER_OBJECT, *const UNICODE_STRING) -> i32,
            >(self.loaded.image.entry)
        };
        // SAFETY: as Windows calls it, at PASSIVE_LEVEL.
        enter::driver("DriverEntry", || unsafe { entry(object, &raw const path) })
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.loaded.image
    }

    /// An adapter on a function of the machine, with keywords of its registry key. It is halted.
    pub fn add_adapter(&self, function: usize, keywords: &[(&str, Value)]) -> Arc<Adapter> {
        let Some(driver) = driver::current() else {
            breach(
                Rule::State,
                "DriverEntry succeeded and registered no miniport",
            );
        };
        let machine = self.functions[function].clone();
        let adapter = Adapter::new(function, machine, driver, 7 + function as u32);
        let owned = keywords.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
        *adapter.keywords.lock() = owned.collect();
        let adapter = Arc::new(adapter);
        adapter::add(adapter.clone());
        adapter
    }

    /// Initializes and restarts an adapter; the first status that is not success.
    pub fn start(&self, adapter: &Arc<Adapter>) -> Result<(), i32> {
        for step in [Adapter::initialize, |a: &Arc<Adapter>| a.restart()] {
            let status = step(adapter);
            if status != NDIS_STATUS_SUCCESS {
                if adapter.state() == adapter::State::Paused {
                    adapter.halt(0);
                }
                return Err(status);
            }
        }
        Ok(())
    }

    /// Pauses and halts an adapter.
    pub fn stop(&self, adapter: &Arc<Adapter>) {
        if adapter.state() == adapter::State::Running {
            adapter.pause();
        }
        if adapter.state() == adapter::State::Paused {
            adapter.halt(0);
        }
        adapter::remove(adapter);
    }

    /// Stops what runs, calls Unload, and checks that nothing is left.
    pub fn unload(mut self) {
        for adapter in adapter::all() {
            self.stop(&adapter);
        }
        if let Some(unload) = driver::current().and_then(|d| d.characteristics.UnloadHandler) {
            let object: *mut DRIVER_OBJECT = &raw mut *self.object;
            // SAFETY: the driver's handler, at PASSIVE_LEVEL.
            enter::driver("MiniportDriverUnload", || unsafe { unload(object) });
            if driver::current().is_some() {
                breach(Rule::Leak, "Unload did not deregister the miniport driver");
            }
        }
        self.retire();
    }

    fn retire(&mut self) {
        cpu::flush_dpcs();
        if work::busy() > 0 || work::threads() > 0 || dpc::timers_set() > 0 {
            breach(
                Rule::DpcLive,
                format_args!(
                    "{} work item(s), {} thread(s) and {} timer(s) are live when the driver is unloaded",
                    work::busy(),
                    work::threads(),
                    dpc::timers_set()
                ),
            );
        }
        netio::table::require_no_watchers();
        handle::require_none(&[], "when the driver is unloaded");
        pool::require_none();
        loaded::retire();
        netio::table::clear();
        machine::clear();
        ram::remove();
    }
}
