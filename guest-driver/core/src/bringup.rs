//! From a platform to a device that takes verbs, one step at a time.
//!
//! ```text
//! identify -> reset -> (ready) -> ring -> enable -> NEGOTIATE -> QUERY_DEVICE -> QUERY_PORT -> CREATE_EQ -> done
//!     \__________\__________________\_________\___________\______________\____________\___________\-> reset -> failed
//! ```
//! No step waits: [`BringUp::advance`] looks, does what it can, and returns. A failure after the device knows memory of
//! ours ends only when a reset is complete, so nothing is freed under the device.

use rnic_abi::{
    DeviceLimits, NegotiateAnswer, NegotiateRequest, QueryDeviceAnswer, QueryDeviceRequest,
    QueryPortAnswer, QueryPortRequest, cmd, consts, feature, interface, reg,
};
use rnic_platform::{Bar, DmaAccess, DmaBuffer, Platform};
use zerocopy::little_endian::{U16, U64};

use crate::command::{CommandRing, port};
use crate::identify::{check_limits, identify, register};
use crate::nic::{Blocks, begin_reset, failure_code, low_half, reset_is_complete, status};
use crate::{Control, Error, GeneralEq, Identity, Nic, Outcome, Port, Violation};

/// What the driver wants.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Feature bits that are used if offered.
    pub wanted: u64,
    /// Feature bits without which bring-up fails.
    pub required: u64,
    /// Log2 of the command ring's descriptors; two are used by each command in flight.
    pub command_ring_log: u8,
    /// Vector of answers, or VECTOR_NONE.
    pub command_vector: u16,
    /// Vector of general events, or VECTOR_NONE.
    pub event_vector: u16,
    /// Vector of device-level causes, or VECTOR_NONE.
    pub cause_vector: u16,
    /// General events that fit.
    pub events: u32,
}

impl Default for Config {
    /// Every feature except those that give the guest the connection manager; no interrupts.
    fn default() -> Self {
        Self {
            wanted: feature::ALL_NAMED & !feature::GUEST_QP1,
            required: 0,
            command_ring_log: 6,
            command_vector: consts::VECTOR_NONE,
            event_vector: consts::VECTOR_NONE,
            cause_vector: consts::VECTOR_NONE,
            events: 64,
        }
    }
}

/// A device that is up.
pub struct Device<P: Platform> {
    /// Shared by every CPU.
    pub nic: Nic<P>,
    /// Verbs.
    pub control: Control<P>,
    /// General events; not armed yet.
    pub events: GeneralEq<P>,
}

/// Why bring-up failed. The device holds no memory of ours any more.
pub struct Failed<P> {
    /// Why.
    pub error: Error,
    /// The platform, for another try.
    pub platform: P,
}

/// Where bring-up stands.
pub enum Step<P: Platform> {
    /// Not yet; advance again after an interrupt, or some time. Bring-up never gives up by itself: whoever advances it
    /// decides how long is too long, and may then drop it once the device cannot use DMA any more.
    Pending(BringUp<P>),
    /// Up.
    Ready(Device<P>),
    /// Failed.
    Failed(Failed<P>),
}

/// A bring-up under way.
pub struct BringUp<P: Platform> {
    config: Config,
    state: State<P>,
}

enum State<P: Platform> {
    Identify(P),
    /// Until the first reset is complete.
    Resetting(Early<P>),
    /// The ring is live; until DEVICE_STATUS.enabled follows.
    Enabling(Early<P>),
    Negotiating(Early<P>),
    QueryingDevice(Early<P>),
    QueryingPort(Early<P>),
    CreatingEq(Nic<P>, Control<P>),
    /// Until the reset that follows a failure is complete, or the device is gone.
    Failing(Error, Kept<P>),
}

/// Before verbs are possible.
struct Early<P: Platform> {
    platform: P,
    blocks: Blocks,
    identity: Identity,
    ring: Option<CommandRing<P::Dma>>,
    parked: Option<P::Dma>,
    features: u64,
    limits: DeviceLimits,
}

/// What a failure keeps until the device is reset.
enum Kept<P: Platform> {
    Early(Early<P>),
    Late(Nic<P>, Control<P>),
}

type Advanced<P> = Result<State<P>, (Error, Kept<P>)>;

impl<P: Platform> BringUp<P> {
    /// Nothing is touched before [`BringUp::advance`].
    pub fn new(platform: P, config: Config) -> Self {
        Self {
            config,
            state: State::Identify(platform),
        }
    }

    /// The machine, for whoever waits.
    pub fn platform(&self) -> &P {
        match &self.state {
            State::Identify(platform) => platform,
            State::Resetting(early)
            | State::Enabling(early)
            | State::Negotiating(early)
            | State::QueryingDevice(early)
            | State::QueryingPort(early) => &early.platform,
            State::CreatingEq(nic, _) => &nic.platform,
            State::Failing(_, kept) => kept.platform().0,
        }
    }

    /// Whoever waits will wait no longer: a reset is begun, after which bring-up fails with this error.
    #[must_use]
    pub fn give_up(self, error: Error) -> Self {
        let config = self.config;
        let kept = match self.state {
            state @ (State::Identify(_) | State::Failing(..)) => return Self { config, state },
            State::Resetting(early)
            | State::Enabling(early)
            | State::Negotiating(early)
            | State::QueryingDevice(early)
            | State::QueryingPort(early) => Kept::Early(early),
            State::CreatingEq(nic, control) => Kept::Late(nic, control),
        };
        let (platform, blocks) = kept.platform();
        begin_reset(platform, blocks);
        Self {
            config,
            state: State::Failing(error, kept),
        }
    }

    /// Goes as far as it can without waiting.
    #[must_use]
    pub fn advance(self) -> Step<P> {
        let config = self.config;
        let advanced = match self.state {
            State::Identify(platform) => match identify(&platform) {
                Err(error) => return Step::Failed(Failed { error, platform }),
                Ok((blocks, identity)) => {
                    begin_reset(&platform, &blocks);
                    Ok(State::Resetting(Early {
                        platform,
                        blocks,
                        identity,
                        ring: None,
                        parked: None,
                        features: 0,
                        limits: DeviceLimits::default(),
                    }))
                }
            },
            State::Resetting(early) => resetting(early, &config),
            State::Enabling(early) => enabling(early),
            State::Negotiating(early) => negotiating(early),
            State::QueryingDevice(early) => querying_device(early),
            State::QueryingPort(early) => querying_port(early, &config),
            State::CreatingEq(nic, mut control) => match control.poll(&nic) {
                None => match stopped(&nic.platform, &nic.blocks) {
                    Ok(()) => Ok(State::CreatingEq(nic, control)),
                    Err(error) => Err((error, Kept::Late(nic, control))),
                },
                Some(done) => match done.result {
                    Ok(Outcome::GeneralEq(events)) => {
                        return Step::Ready(Device {
                            nic,
                            control,
                            events,
                        });
                    }
                    Ok(_) => Err((Violation::Event.into(), Kept::Late(nic, control))),
                    Err(failure) => Err((failure.error, Kept::Late(nic, control))),
                },
            },
            State::Failing(error, kept) => {
                let (platform, blocks) = kept.platform();
                match reset_is_complete(platform, blocks) {
                    Ok(false) => Ok(State::Failing(error, kept)),
                    // Reset, or gone: either way it uses nothing of ours.
                    Ok(true) | Err(_) => {
                        return Step::Failed(Failed {
                            error,
                            platform: kept.into_platform(),
                        });
                    }
                }
            }
        };
        let state = advanced.unwrap_or_else(|(error, kept)| {
            let (platform, blocks) = kept.platform();
            begin_reset(platform, blocks);
            State::Failing(error, kept)
        });
        Step::Pending(Self { config, state })
    }
}

impl<P: Platform> Kept<P> {
    fn platform(&self) -> (&P, &Blocks) {
        match self {
            Self::Early(early) => (&early.platform, &early.blocks),
            Self::Late(nic, _) => (&nic.platform, &nic.blocks),
        }
    }

    fn into_platform(self) -> P {
        match self {
            Self::Early(early) => early.platform,
            Self::Late(nic, _) => nic.platform,
        }
    }
}

/// The device stopped, or is gone.
fn stopped<P: Platform>(platform: &P, blocks: &Blocks) -> Result<(), Error> {
    let now = u64::from(status(platform, blocks)?);
    if reg::device_status::FAILED.is_set(now) {
        let code = register(platform, blocks.control(reg::FAILURE))?;
        return Err(Error::Failed(failure_code(code)));
    }
    let control = register(platform, blocks.command_ring(reg::CMD_CONTROL))?;
    if !reg::cmd_control::ENABLE.is_set(control.into()) {
        let code = register(platform, blocks.control(reg::FAILURE))?;
        return Err(Violation::CommandRing(failure_code(code)).into());
    }
    Ok(())
}

fn resetting<P: Platform>(mut early: Early<P>, config: &Config) -> Advanced<P> {
    match reset_is_complete(&early.platform, &early.blocks) {
        Ok(false) => Ok(State::Resetting(early)),
        Err(error) => Err((error, Kept::Early(early))),
        Ok(true) => match start(&mut early, config) {
            Ok(()) => Ok(State::Enabling(early)),
            Err(error) => Err((error, Kept::Early(early))),
        },
    }
}

/// Sets bus mastering, memory, the ring, vectors, and enables the device. [BRING-2] [BRING-3] [CMD-2]
fn start<P: Platform>(early: &mut Early<P>, config: &Config) -> Result<(), Error> {
    // PCI command register: memory space and bus master.
    const COMMAND: u16 = 4;
    const MEMORY_AND_MASTER: u32 = 0b110;
    let platform = &early.platform;
    let blocks = early.blocks;
    let missing = config.required & !early.identity.offered;
    if missing != 0 {
        let name = rnic_abi::FEATURES
            .iter()
            .find(|f| missing >> f.bit & 1 != 0)
            .map_or("a required feature", |f| f.name);
        return Err(Error::Missing(name));
    }
    early.features = (config.wanted | config.required) & early.identity.offered;
    if !reg::device_status::BUS_MASTER.is_set(status(platform, &blocks)?.into()) {
        let command = platform.config_read(COMMAND, 2);
        platform.config_write(COMMAND, 2, (command & 0xFFFF) | MEMORY_AND_MASTER);
    }
    if early.features & feature::PARKING != 0 {
        early.parked = Some(platform.alloc_dma(8, DmaAccess::DeviceReadsAndWrites)?);
    }
    let ring = CommandRing::new(platform, config.command_ring_log.clamp(1, 8))?;
    let (descriptors, available, used) = ring.addresses();
    let at = |register| blocks.command_ring(register);
    platform.write32(Bar::Registers, at(reg::CMD_SIZE), ring.size().into());
    platform.write64(Bar::Registers, at(reg::CMD_DESC), descriptors);
    platform.write64(Bar::Registers, at(reg::CMD_AVAIL), available);
    platform.write64(Bar::Registers, at(reg::CMD_USED), used);
    early.ring = Some(ring);
    let control = reg::cmd_control::ENABLE.place(1)
        | reg::cmd_control::VECTOR.place(config.command_vector.into());
    platform.write32(Bar::Registers, at(reg::CMD_CONTROL), low_half(control));
    stopped(platform, &blocks)?;
    if config.cause_vector != consts::VECTOR_NONE {
        let at = |register| blocks.interrupt(register);
        platform.write32(
            Bar::Registers,
            at(reg::INTR_VECTOR),
            config.cause_vector.into(),
        );
        let test = low_half(reg::intr_mask::TEST.mask());
        platform.write32(Bar::Registers, at(reg::INTR_MASK), test);
    }
    let enable = low_half(reg::device_control::ENABLE.mask());
    platform.write32(Bar::Registers, blocks.control(reg::DEVICE_CONTROL), enable);
    Ok(())
}

/// Submits a command before there is a [`Control`].
fn submit<C: rnic_abi::Command, P: Platform>(
    early: &mut Early<P>,
    request: &C::Request,
) -> Result<(), Error> {
    let ring = early.ring.as_mut().ok_or(Error::Argument("ring"))?;
    ring.submit::<C>(request)?;
    let notify = early.blocks.command_ring(reg::CMD_NOTIFY);
    early.platform.write32(Bar::Registers, notify, 1);
    Ok(())
}

/// The answer of the command that is under way, or none yet.
fn answer<R: rnic_abi::Layout, P: Platform>(early: &mut Early<P>) -> Result<Option<R>, Error> {
    let ring = early.ring.as_mut().ok_or(Error::Argument("ring"))?;
    match ring.poll()? {
        Some(arrived) => ring.answer(&arrived).map(Some),
        None => stopped(&early.platform, &early.blocks).map(|()| None),
    }
}

fn enabling<P: Platform>(mut early: Early<P>) -> Advanced<P> {
    let enabled = status(&early.platform, &early.blocks)
        .map(|status| reg::device_status::ENABLED.is_set(status.into()));
    match enabled {
        Ok(false) => match stopped(&early.platform, &early.blocks) {
            Ok(()) => Ok(State::Enabling(early)),
            Err(error) => Err((error, Kept::Early(early))),
        },
        Err(error) => Err((error, Kept::Early(early))),
        Ok(true) => {
            let request = NegotiateRequest {
                major: U16::new(interface::MAJOR),
                minor: U16::new(interface::MINOR),
                features: U64::new(early.features),
                parked_address: U64::new(early.parked.as_ref().map_or(0, DmaBuffer::iova)),
                ..NegotiateRequest::default()
            };
            match submit::<cmd::Negotiate, P>(&mut early, &request) {
                Ok(()) => Ok(State::Negotiating(early)),
                Err(error) => Err((error, Kept::Early(early))),
            }
        }
    }
}

/// [BRING-4] [BRING-5] [BRING-6]
fn negotiating<P: Platform>(mut early: Early<P>) -> Advanced<P> {
    let step = answer::<NegotiateAnswer, P>(&mut early).and_then(|answer| {
        let Some(answer) = answer else {
            return Ok(false);
        };
        let version = (answer.major.get(), answer.minor.get());
        if version.0 != interface::MAJOR
            || version.1 > interface::MINOR
            || answer.features.get() != early.features
        {
            return Err(Violation::Negotiation.into());
        }
        early.identity.minor = version.1;
        submit::<cmd::QueryDevice, P>(&mut early, &QueryDeviceRequest::default()).map(|()| true)
    });
    match step {
        Ok(true) => Ok(State::QueryingDevice(early)),
        Ok(false) => Ok(State::Negotiating(early)),
        Err(error) => Err((error, Kept::Early(early))),
    }
}

fn querying_device<P: Platform>(mut early: Early<P>) -> Advanced<P> {
    let step = answer::<QueryDeviceAnswer, P>(&mut early).and_then(|answer| {
        let Some(answer) = answer else {
            return Ok(false);
        };
        check_limits(&answer.limits, early.features)?;
        early.limits = answer.limits;
        submit::<cmd::QueryPort, P>(&mut early, &QueryPortRequest::default()).map(|()| true)
    });
    match step {
        Ok(true) => Ok(State::QueryingPort(early)),
        Ok(false) => Ok(State::QueryingDevice(early)),
        Err(error) => Err((error, Kept::Early(early))),
    }
}

fn querying_port<P: Platform>(mut early: Early<P>, config: &Config) -> Advanced<P> {
    match answer::<QueryPortAnswer, P>(&mut early) {
        Ok(None) => Ok(State::QueryingPort(early)),
        Err(error) => Err((error, Kept::Early(early))),
        Ok(Some(answer)) => up(early, port(&answer), config),
    }
}

/// Verbs are possible; the first creates the general event queue.
fn up<P: Platform>(mut early: Early<P>, port: Port, config: &Config) -> Advanced<P> {
    let Some(ring) = early.ring.take() else {
        return Err((Error::Argument("ring"), Kept::Early(early)));
    };
    let mut control = match Control::new(ring, early.identity.doorbell_pages) {
        Ok(control) => control,
        Err((error, ring)) => {
            early.ring = Some(ring);
            return Err((error, Kept::Early(early)));
        }
    };
    let nic = Nic {
        platform: early.platform,
        blocks: early.blocks,
        parked: early.parked,
        identity: early.identity,
        features: early.features,
        limits: early.limits,
        port,
        ended: core::sync::atomic::AtomicBool::new(false),
    };
    match control.create_general_eq(&nic, 0, config.events, config.event_vector) {
        Ok(_) => Ok(State::CreatingEq(nic, control)),
        Err(error) => Err((error, Kept::Late(nic, control))),
    }
}

impl<P> core::fmt::Debug for Failed<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "bring-up failed: {}", self.error)
    }
}
