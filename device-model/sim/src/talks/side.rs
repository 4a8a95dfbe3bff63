//! What a side of a talk does when it is its turn.

use rnic_abi::{AccessFlags, Mtu, QpType, Status, WorkFlags};
use rnic_driver_core::{
    Accept, AddressIndex, Connect, ConnectionId, Data, Error, Key, Operation, Outcome, Qp,
    QpGeometry, QpReceive, WorkRequest, segment,
};

use crate::guest::address;
use crate::platform::{SimDma, SimPlatform, mac};

use super::Talks;
use super::machine::{NOBODY, OPEN, PAUSED};
use super::talk::{Course, Ending, Talk};

/// Bytes of a receive.
pub(super) const SLOT_BYTES: usize = 64;
/// Receives of a side.
const SLOTS: usize = 8;
const BASE: u64 = 0x5_0000;

/// Where a side stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing yet.
    New,
    /// CONNECT was answered.
    Asking,
    /// A request or a reply is here.
    Thinking,
    /// ACCEPT was answered.
    Accepting,
    /// It stands.
    Up,
    /// DISCONNECT was answered.
    Leaving,
    /// The peer is gone.
    PeerLeft,
    /// Only RELEASE_CONNECTION is left.
    Over,
    /// Released, and the queue pair is destroyed.
    Gone,
}

impl Stage {
    /// Whether entries may come back flushed.
    pub(super) const fn may_flush(self) -> bool {
        matches!(
            self,
            Self::Leaving | Self::PeerLeft | Self::Over | Self::Gone
        )
    }
}

/// One side of a talk.
pub(super) struct Side {
    pub guest: usize,
    pub stage: Stage,
    pub connection: Option<ConnectionId>,
    pub qp: Option<Qp<SimPlatform>>,
    /// Where messages arrive.
    pub memory: Option<(SimDma, Key)>,
    /// Messages posted, acknowledged, and of the peer arrived.
    pub posted: u32,
    pub acknowledged: u32,
    pub arrived: u32,
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side")
            .field("guest", &self.guest)
            .field("stage", &self.stage)
            .field("posted", &self.posted)
            .field("acknowledged", &self.acknowledged)
            .field("arrived", &self.arrived)
            .finish_non_exhaustive()
    }
}

impl Side {
    pub(super) fn new(guest: usize) -> Self {
        Self {
            guest,
            stage: Stage::New,
            connection: None,
            qp: None,
            memory: None,
            posted: 0,
            acknowledged: 0,
            arrived: 0,
        }
    }
}

impl Talk {
    /// Whether a side may hear of the end as of a loss: the other did not say it, or not to the end.
    pub(super) fn ending_may_be_abrupt(&self) -> bool {
        matches!(self.ending, Ending::Abortive(_) | Ending::Release(_))
            || self.course != Course::Accept
            || self.early
    }
}

/// A command that was begun with a connection: done, or the status that refused it.
type Done = Result<(), Status>;

impl Talks {
    /// Lets a side go on, if it can.
    pub(super) fn advance(&mut self, number: usize, side: usize) -> Result<(), String> {
        let talk = &self.talks[number];
        let (course, ending) = (talk.course, talk.ending);
        let stage = talk.sides[side].stage;
        let idle = talk.all_arrived() || talk.early;
        match (stage, side) {
            (Stage::New, 0) => self.ask(number),
            (Stage::Asking, 0) if course == Course::Cancel && self.random.percent(20) => {
                self.release(number, side)
            }
            (Stage::Thinking, 0) => match course {
                Course::RejectReply => self.reject(number, side),
                Course::Cancel => self.release(number, side),
                _ => self.complete(number),
            },
            (Stage::Thinking, _) => match course {
                Course::Reject => self.reject(number, side),
                Course::ReleaseRequest => self.release(number, side),
                _ => self.answer(number),
            },
            (Stage::Up, _) if talk.sides[side].posted < talk.messages[side] => {
                self.say(number, side)
            }
            (Stage::Up, _) if idle && ending.is_by(side) && self.random.percent(30) => {
                self.coverage.hit(ending.name());
                match ending {
                    Ending::Release(_) => self.release(number, side),
                    Ending::Abortive(_) => self.disconnect(number, side, true),
                    Ending::By(_) | Ending::Both => self.disconnect(number, side, false),
                }
            }
            // The peer is not heard of any more.
            (Stage::Up, _) if self.impatient => self.disconnect(number, side, false),
            (Stage::PeerLeft, _) => self.disconnect(number, side, false),
            (Stage::Over, _) => self.release(number, side),
            _ => Ok(()),
        }
    }

    fn set(&mut self, number: usize, side: usize, stage: Stage) {
        self.talks[number].sides[side].stage = stage;
        self.progress += 1;
        self.note(format_args!("talk {number}, side {side}: {stage:?}"));
    }

    /// A command about a connection.
    fn command(
        &mut self,
        number: usize,
        side: usize,
        begin: impl FnOnce(
            &mut rnic_driver_core::Control<SimPlatform>,
            &rnic_driver_core::Nic<SimPlatform>,
            ConnectionId,
        ) -> Result<rnic_driver_core::Token, Error>,
    ) -> Result<Done, String> {
        let me = &self.talks[number].sides[side];
        let (guest, connection) = (me.guest, me.connection);
        let connection = connection.ok_or("a command about no connection")?;
        let ended =
            self.guests[guest].call_once(|control, nic| Ok(begin(control, nic, connection)?))?;
        match ended {
            Ok(_) => Ok(Ok(())),
            Err(failure) => match failure.error {
                Error::Command(error) => Ok(Err(error.status)),
                error => Err(format!("talk {number}: {error}")),
            },
        }
    }

    fn create_qp(&mut self, number: usize, side: usize) -> Result<rnic_driver_core::Qpn, String> {
        let guest = &mut self.guests[self.talks[number].sides[side].guest];
        let bytes = SLOTS * SLOT_BYTES;
        let memory = guest.memory(bytes)?;
        let access = AccessFlags::default().with_local_write(true);
        let key = guest.register(&memory, 0, bytes as u64, BASE, access)?;
        let geometry = QpGeometry {
            pd: guest.pd,
            qp_type: QpType::RC,
            send_cq: guest.cqs[0].cqn(),
            recv_cq: guest.cqs[0].cqn(),
            send_entries: 8,
            max_send_segments: 1,
            max_inline: SLOT_BYTES as u16,
            receive: QpReceive::Own {
                entries: SLOTS as u32,
                max_segments: 1,
            },
            qp1: false,
            context: number as u64,
        };
        let created = guest.call("create_qp", |c, nic| Ok(c.create_qp(nic, 0, &geometry)?))?;
        let Outcome::Qp(mut qp) = created else {
            return Err(format!("create_qp gave {}", created.name()));
        };
        if let Some(recv) = &mut qp.recv {
            for slot in 0..SLOTS as u64 {
                let place = segment(BASE + slot * SLOT_BYTES as u64, SLOT_BYTES as u32, key);
                recv.post(slot, &[place]).map_err(|e| e.to_string())?;
            }
            recv.ring(&guest.nic);
        }
        let qpn = qp.qpn;
        let me = &mut self.talks[number].sides[side];
        (me.qp, me.memory) = (Some(qp), Some((memory, key)));
        Ok(qpn)
    }

    fn ask(&mut self, number: usize) -> Result<(), String> {
        let qpn = self.create_qp(number, 0)?;
        let talk = &self.talks[number];
        self.coverage.hit(talk.course.name());
        let (active, passive) = (talk.sides[0].guest, talk.sides[1].guest);
        let data = talk.private_data(0);
        let connect = Connect {
            qpn,
            from: Err(AddressIndex(0)),
            destination: address(passive, self.ipv6),
            port: match talk.course {
                Course::Nobody => NOBODY,
                Course::Paused => PAUSED,
                _ => OPEN,
            },
            next_hop: talk.next_hop.then(|| mac(passive).0),
            read_depth_in: 4,
            read_depth_out: 4,
            retry_count: 7,
            rnr_retry: 7,
            path_mtu: Mtu::NONE,
            traffic_class: 0,
            private_data: &data,
        };
        let cookie = talk.cookie(0);
        let outcome = self.guests[active].call("connect", |control, nic| {
            Ok(control.connect(nic, 0, &connect, cookie)?)
        })?;
        let Outcome::Connection(connection, _) = outcome else {
            return Err(format!("connect gave {}", outcome.name()));
        };
        self.talks[number].sides[0].connection = Some(connection);
        self.set(number, 0, Stage::Asking);
        Ok(())
    }

    /// Whether a command may find that the peer has left.
    fn gone(&self, number: usize, status: Status) -> Result<(), String> {
        let talk = &self.talks[number];
        let left = self.lossy || talk.course == Course::Cancel;
        if left && matches!(status, Status::ABORTED | Status::INVALID_STATE) {
            return Ok(());
        }
        Err(format!("a command was answered {status}: {talk:?}"))
    }

    fn complete(&mut self, number: usize) -> Result<(), String> {
        let done = self.command(number, 0, |control, nic, connection| {
            control.complete_connect(nic, 0, connection)
        })?;
        match done {
            Ok(()) => self.set(number, 0, Stage::Up),
            Err(status) => {
                self.gone(number, status)?;
                // PEER_DISCONNECTED says the same, if it has not yet.
            }
        }
        Ok(())
    }

    fn answer(&mut self, number: usize) -> Result<(), String> {
        let qpn = self.create_qp(number, 1)?;
        let talk = &self.talks[number];
        let (data, cookie) = (talk.private_data(1), talk.cookie(1));
        let done = self.command(number, 1, |control, nic, connection| {
            let accept = Accept {
                connection,
                qpn,
                read_depth_in: 4,
                read_depth_out: 4,
                rnr_retry: 7,
                private_data: &data,
            };
            control.accept(nic, 0, &accept, cookie)
        })?;
        match done {
            Ok(()) => self.set(number, 1, Stage::Accepting),
            Err(status) => {
                self.gone(number, status)?;
                self.set(number, 1, Stage::Over);
            }
        }
        Ok(())
    }

    fn reject(&mut self, number: usize, side: usize) -> Result<(), String> {
        let data = self.talks[number].private_data(side);
        let done = self.command(number, side, |control, nic, connection| {
            control.reject(nic, 0, connection, &data)
        })?;
        if let Err(status) = done {
            self.gone(number, status)?;
        }
        self.set(number, side, Stage::Over);
        Ok(())
    }

    fn say(&mut self, number: usize, side: usize) -> Result<(), String> {
        let talk = &mut self.talks[number];
        let message = talk.message(side, talk.sides[side].posted);
        let me = &mut talk.sides[side];
        let Some(qp) = &mut me.qp else {
            return Err("nothing to send by".to_owned());
        };
        let work = WorkRequest {
            context: u64::from(me.posted),
            operation: Operation::Send(Data::Inline(&message)),
            flags: WorkFlags::default(),
        };
        qp.send.post(&work).map_err(|e| e.to_string())?;
        qp.send.ring(&self.guests[me.guest].nic);
        me.posted += 1;
        self.progress += 1;
        Ok(())
    }

    fn disconnect(&mut self, number: usize, side: usize, abortive: bool) -> Result<(), String> {
        let done = self.command(number, side, |control, nic, connection| {
            control.disconnect(nic, 0, connection, abortive)
        })?;
        match done {
            Ok(()) => self.set(number, side, Stage::Leaving),
            // The end has come, and its event is under way.
            Err(status) => return Err(format!("DISCONNECT was answered {status}")),
        }
        Ok(())
    }

    fn release(&mut self, number: usize, side: usize) -> Result<(), String> {
        let done = self.command(number, side, |control, nic, connection| {
            control.release_connection(nic, 0, connection)
        })?;
        done.map_err(|status| format!("RELEASE_CONNECTION was answered {status}"))?;
        let guest = self.talks[number].sides[side].guest;
        // What was told before is taken as of before; nothing may come after.
        self.take_events(guest)?;
        self.set(number, side, Stage::Over);
        let me = &mut self.talks[number].sides[side];
        me.connection = None;
        if me.qp.is_some() {
            self.poll(guest)?;
        }
        let me = &mut self.talks[number].sides[side];
        if let Some(qp) = me.qp.take() {
            let ended = self.guests[guest].call_once(|control, nic| control.destroy_qp(nic, 0, qp));
            ended?.map_err(|failure| format!("destroy_qp: {}", failure.error))?;
        }
        if let Some((_, key)) = self.talks[number].sides[side].memory.take() {
            self.guests[guest].call("destroy_region", |c, nic| {
                Ok(c.destroy_region(nic, 0, key)?)
            })?;
        }
        self.set(number, side, Stage::Gone);
        Ok(())
    }
}
