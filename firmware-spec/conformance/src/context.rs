//! What a test gets: the platform, and devices brought up on it.

use std::rc::Rc;

use rnic_abi::feature;
use rnic_platform::{Capabilities, TestPlatform};

use crate::failure::{Outcome, skip};
use crate::needs::{Capability, Lane};
use crate::rig::pair::Attributes;
use crate::rig::{Device, Machine, Pair, Patience, QpShape};

/// The devices of the two ends of a lane; the same one twice for a loopback.
pub type Devices<'p, P> = (Rc<Device<'p, P>>, Rc<Device<'p, P>>);

/// What a test gets. The devices that it brings up are reset when it ends, and only then is their memory freed.
pub struct Context<'p, P: TestPlatform> {
    machine: Machine<'p, P>,
    lane: Option<Lane>,
    offered: u64,
}

impl<'p, P: TestPlatform> Context<'p, P> {
    /// For one test on this platform.
    pub fn new(platform: &'p P, lane: Option<Lane>, patience: Patience) -> Self {
        let neighbour = if platform.capabilities().two_functions {
            platform.peer()
        } else {
            None
        };
        let machine = Machine::new(platform, neighbour, patience);
        Self {
            offered: machine.offered(),
            machine,
            lane,
        }
    }

    /// The platform.
    #[must_use]
    pub const fn platform(&self) -> &'p P {
        self.machine.platform
    }

    /// The function under test, not touched yet.
    #[must_use]
    pub const fn machine(&self) -> &Machine<'p, P> {
        &self.machine
    }

    /// The other function.
    #[track_caller]
    pub fn other_machine(&self) -> Outcome<Machine<'p, P>> {
        match self.machine.other() {
            Some(machine) => Ok(machine),
            None => skip("capability two_functions is missing"),
        }
    }

    /// What the platform can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.platform().capabilities()
    }

    /// Whether the platform has a capability.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        capability.of(self.capabilities())
    }

    /// Features that the device offers.
    #[must_use]
    pub const fn offered(&self) -> u64 {
        self.offered
    }

    /// The features that tests negotiate unless they say otherwise: all that can be had together.
    #[must_use]
    pub const fn usual(&self) -> u64 {
        if self.offered & feature::CONNECTIONS != 0 {
            self.offered & !feature::GUEST_QP1
        } else {
            self.offered
        }
    }

    /// A device with a command ring that has not seen NEGOTIATE.
    #[track_caller]
    pub fn start(&self) -> Outcome<Rc<Device<'p, P>>> {
        Device::start(&self.machine).map(Rc::new)
    }

    /// A device with the usual features and no event queue.
    #[track_caller]
    pub fn bare(&self) -> Outcome<Rc<Device<'p, P>>> {
        self.with_features(self.usual())
    }

    /// A device with these features and no event queue.
    #[track_caller]
    pub fn with_features(&self, features: u64) -> Outcome<Rc<Device<'p, P>>> {
        Device::negotiated(&self.machine, features).map(Rc::new)
    }

    /// A device with the usual features and a general event queue.
    #[track_caller]
    pub fn device(&self) -> Outcome<Rc<Device<'p, P>>> {
        let device = self.bare()?;
        device.make_general()?;
        Ok(device)
    }

    /// The devices of the two ends of the test's lane.
    #[track_caller]
    pub fn devices(&self) -> Outcome<Devices<'p, P>> {
        self.devices_with(u64::MAX)
    }

    /// As [`Context::devices`], with the usual features within `mask`.
    #[track_caller]
    pub fn devices_with(&self, mask: u64) -> Outcome<Devices<'p, P>> {
        let a = self.with_features(self.usual() & mask)?;
        a.make_general()?;
        let b = match self.lane {
            Some(Lane::Peer) => {
                let machine = self.other_machine()?;
                let usual = machine.offered() & !feature::GUEST_QP1;
                let b = Rc::new(Device::negotiated(&machine, usual & mask)?);
                b.make_general()?;
                b
            }
            _ => Rc::clone(&a),
        };
        Ok((a, b))
    }

    /// Two ends in INIT.
    #[track_caller]
    pub fn ends(&self) -> Outcome<Pair<'p, P>> {
        self.ends_of(QpShape::default())
    }

    /// Two ends of this shape in INIT.
    #[track_caller]
    pub fn ends_of(&self, shape: QpShape) -> Outcome<Pair<'p, P>> {
        let (a, b) = self.devices()?;
        Pair::unconnected(&a, &b, (shape, shape))
    }

    /// Two ends connected by hand.
    #[track_caller]
    pub fn pair(&self) -> Outcome<Pair<'p, P>> {
        self.pair_with(Attributes::default())
    }

    /// Two ends connected by hand with these attributes.
    #[track_caller]
    pub fn pair_with(&self, attributes: Attributes) -> Outcome<Pair<'p, P>> {
        let pair = self.ends()?;
        pair.connect(attributes)?;
        Ok(pair)
    }

    /// Resets what the test used and frees its memory.
    pub(crate) fn clean(&self) -> Outcome {
        self.machine.set_bus_master(true);
        let mut result = self.machine.reset();
        if let Some(other) = self.machine.other() {
            other.set_bus_master(true);
            result = result.and(other.reset());
        }
        // Masks and mappings that a test changed are the test's to restore; the memory goes now.
        self.machine.free_buffers();
        result
    }
}
