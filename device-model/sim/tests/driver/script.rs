//! What a driver does from bring-up to the end, on two queue pairs of one function. Every step that says `NoMemory` is
//! done again: a failed allocation must leave nothing behind that keeps the next try from working.

use rnic_abi::{
    AccessFlags, ArmType, CompletionStatus, FlushFlags, ModifyMask, ModifyQpRequest, Mtu, QpState,
    QpType, WorkFlags,
};
use rnic_driver_core::{
    Address, AddressIndex, Bounded, BringUp, CompletionEq, Config, Control, Cq, CqGeometry, Device,
    Error, Failure, Key, Outcome, PdHandle, PostError, Qp, QpGeometry, QpReceive, Region,
    SrqGeometry, Step, Token, Wc, WorkRequest,
};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};

use crate::machine::{Buffer, Machine, driver};

/// Steps of a millisecond that anything may take.
const PATIENCE: usize = 5000;

/// Private to the two queue pairs' paths.
const ADDRESS: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 1, 1, 1];

/// A device, and how often a step had to be done again.
pub struct Bench {
    pub device: Device<Machine>,
    pub retries: usize,
}

/// Brings the device up, again if memory ran out.
pub fn bring_up(mut machine: Machine, config: Config) -> Bench {
    let mut retries = 0;
    loop {
        let mut step = driver(|| BringUp::new(machine, config).advance());
        let mut left = PATIENCE;
        machine = loop {
            match step {
                Step::Ready(device) => return Bench { device, retries },
                Step::Pending(next) => {
                    left -= 1;
                    assert!(left > 0, "bring-up does not end");
                    next.platform().idle();
                    step = driver(|| next.advance());
                }
                Step::Failed(failed) => {
                    assert_eq!(failed.error, Error::NoMemory);
                    break failed.platform;
                }
            }
        };
        assert_eq!(machine.buffers(), 0, "a failed bring-up keeps nothing");
        retries += 1;
    }
}

impl Bench {
    /// Begins a verb, again if memory ran out, and waits for its end.
    pub fn verb(
        &mut self,
        begin: impl Fn(&mut Control<Machine>, &rnic_driver_core::Nic<Machine>) -> Result<Token, Error>,
    ) -> Outcome<Machine> {
        loop {
            let buffers = self.buffers();
            let d = &mut self.device;
            match driver(|| begin(&mut d.control, &d.nic)) {
                Ok(token) => return self.end(token).expect("the device does it"),
                Err(Error::NoMemory) => self.retries += 1,
                Err(error) => panic!("{error}"),
            }
            assert_eq!(self.buffers(), buffers, "a failed verb keeps nothing");
        }
    }

    /// Waits for the end of a verb.
    pub fn end(&mut self, token: Token) -> Result<Outcome<Machine>, Failure<Machine>> {
        for _ in 0..PATIENCE {
            let d = &mut self.device;
            if let Some(done) = driver(|| d.control.poll(&d.nic)) {
                assert_eq!(done.token, token);
                return done.result;
            }
            d.nic.platform().idle();
        }
        panic!("no answer");
    }

    pub fn buffers(&self) -> usize {
        self.device.nic.platform().buffers()
    }

    pub fn pd(&mut self) -> PdHandle {
        match self.verb(|control, nic| control.create_pd(nic, 0, false)) {
            Outcome::Pd(pd, None) => pd,
            other => panic!("{other:?}"),
        }
    }

    /// The test's own memory, registered.
    pub fn memory(&mut self, pd: PdHandle, bytes: usize, access: AccessFlags) -> (Buffer, Key) {
        let platform = self.device.nic.platform();
        let buffer = platform
            .alloc_dma(bytes, DmaAccess::DeviceReadsAndWrites)
            .unwrap();
        let (base, length) = (buffer.iova(), buffer.len());
        let outcome = self.verb(|control, nic| {
            let mut pages = Bounded::new();
            for page in 0..length / 4096 {
                pages.push(base + 4096 * page as u64)?;
            }
            let region = Region {
                pd,
                access,
                base,
                length: length as u64,
                log_page_bytes: 12,
                pages,
            };
            control.register(nic, 0, region)
        });
        match outcome {
            Outcome::Region(key) => (buffer, key),
            other => panic!("{other:?}"),
        }
    }

    pub fn eq(&mut self, vector: u16) -> CompletionEq<Machine> {
        match self.verb(|control, nic| control.create_eq(nic, 0, 16, vector)) {
            Outcome::CompletionEq(eq) => eq,
            other => panic!("{other:?}"),
        }
    }

    pub fn cq(&mut self, eq: &CompletionEq<Machine>, entries: u32) -> Cq<Machine> {
        let geometry = CqGeometry {
            eqn: eq.eqn(),
            entries,
            context: 0,
        };
        match self.verb(|control, nic| control.create_cq(nic, 0, &geometry)) {
            Outcome::Cq(cq) => cq,
            other => panic!("{other:?}"),
        }
    }

    pub fn qp(&mut self, pd: PdHandle, cq: &Cq<Machine>, receive: QpReceive) -> Qp<Machine> {
        let geometry = QpGeometry {
            pd,
            qp_type: QpType::RC,
            send_cq: cq.cqn(),
            recv_cq: cq.cqn(),
            send_entries: 16,
            max_send_segments: 4,
            max_inline: 128,
            receive,
            qp1: false,
            context: 0,
        };
        match self.verb(|control, nic| control.create_qp(nic, 0, &geometry)) {
            Outcome::Qp(qp) => qp,
            other => panic!("{other:?}"),
        }
    }

    pub fn srq(&mut self, pd: PdHandle) -> rnic_driver_core::Srq<Machine> {
        let geometry = SrqGeometry {
            pd,
            entries: 8,
            max_segments: 2,
            limit: 0,
            context: 0,
        };
        match self.verb(|control, nic| control.create_srq(nic, 0, &geometry)) {
            Outcome::Srq(srq) => srq,
            other => panic!("{other:?}"),
        }
    }

    /// Gives the device its address and takes both queue pairs to RTS, towards each other.
    pub fn join(&mut self, a: &Qp<Machine>, b: &Qp<Machine>) {
        let address = Address {
            address: ADDRESS,
            prefix: 24,
            vlan: None,
            gateway: None,
            answer: true,
        };
        self.verb(|control, nic| control.set_address(nic, 0, AddressIndex(0), &address));
        for (qp, peer) in [(a, b), (b, a)] {
            let mut request = ModifyQpRequest {
                peer_address: ADDRESS,
                hop_limit: 64,
                read_depth_in: 16,
                read_depth_out: 16,
                retry_count: 7,
                rnr_retry: 7,
                min_rnr_timer: 12,
                ack_timeout: 14,
                ..ModifyQpRequest::default()
            }
            .with_path_mtu(Mtu::MTU_1024)
            .with_access(AccessFlags(0b1110))
            .with_state(QpState::RTR);
            request.udp_source_port.set(50000);
            request.peer_qpn.set(peer.qpn.get());
            request.recv_psn.set(100);
            request.send_psn.set(100);
            let mask = ModifyMask::STATE
                | ModifyMask::PATH
                | ModifyMask::SEND_PSN
                | ModifyMask::RECV_PSN
                | ModifyMask::READ_DEPTH
                | ModifyMask::RETRY
                | ModifyMask::RNR_TIMER
                | ModifyMask::ACCESS;
            let to_rtr = request.with_mask(mask);
            self.verb(|control, nic| control.modify_qp(nic, 0, qp.qpn, &to_rtr));
            let to_rts = ModifyQpRequest::default()
                .with_mask(ModifyMask::STATE)
                .with_state(QpState::RTS);
            self.verb(|control, nic| control.modify_qp(nic, 0, qp.qpn, &to_rts));
        }
    }

    /// Posts one request and rings.
    pub fn post(&mut self, qp: &mut Qp<Machine>, request: &WorkRequest<'_>) {
        for _ in 0..PATIENCE {
            match driver(|| qp.send.post(request)) {
                Ok(_) => {
                    driver(|| qp.send.ring(&self.device.nic));
                    return;
                }
                Err(PostError::Full) => self.device.nic.platform().idle(),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the send queue stays full");
    }

    /// Waits for the next completion.
    pub fn completion(&mut self, cq: &mut Cq<Machine>) -> Wc {
        for _ in 0..PATIENCE {
            if let Some(wc) = driver(|| cq.poll(&self.device.nic)).unwrap() {
                return wc;
            }
            self.device.nic.platform().idle();
        }
        panic!("no completion");
    }

    /// Waits for the next completion, a success of this request.
    pub fn success(&mut self, cq: &mut Cq<Machine>, context: u64) -> Wc {
        let wc = self.completion(cq);
        assert_eq!(
            (wc.status, wc.context),
            (CompletionStatus::SUCCESS, context),
            "{wc:?}"
        );
        wc
    }

    /// Flushes what is posted.
    pub fn flush(&mut self, qp: &Qp<Machine>, which: FlushFlags) -> (u32, u32) {
        match self.verb(|control, nic| control.flush_qp(nic, 0, qp.qpn, which)) {
            Outcome::Flushed { send, recv } => (send, recv),
            other => panic!("{other:?}"),
        }
    }

    pub fn destroy_qp(&mut self, qp: Qp<Machine>) {
        let d = &mut self.device;
        let token = driver(|| d.control.destroy_qp(&d.nic, 0, qp)).unwrap();
        self.end(token).unwrap();
    }

    pub fn destroy_cq(&mut self, cq: Cq<Machine>) {
        let d = &mut self.device;
        let token = driver(|| d.control.destroy_cq(&d.nic, 0, cq)).unwrap();
        self.end(token).unwrap();
    }

    /// Resets and gives the machine back.
    pub fn close(self) -> Machine {
        let Device {
            nic,
            control,
            events,
        } = self.device;
        nic.begin_reset();
        for _ in 0..PATIENCE {
            if nic.reset_is_complete().unwrap() {
                drop((control, events));
                return nic.into_platform();
            }
            nic.platform().idle();
        }
        panic!("the reset does not end");
    }
}

/// Arms a queue and waits until its event queue says so.
pub fn wait_for_signal(bench: &mut Bench, eq: &mut CompletionEq<Machine>, cq: &mut Cq<Machine>) {
    driver(|| {
        eq.arm(&bench.device.nic);
        cq.arm(&bench.device.nic, ArmType::ANY);
    });
    for _ in 0..PATIENCE {
        if let Some(signal) = driver(|| eq.poll(&bench.device.nic)).unwrap() {
            assert_eq!(signal.cqn, cq.cqn().get());
            assert!(cq.take_signal(&signal), "{signal:?}");
            return;
        }
        bench.device.nic.platform().idle();
    }
    panic!("no signal");
}

/// A request.
pub fn work(context: u64, operation: rnic_driver_core::Operation<'_>) -> WorkRequest<'_> {
    WorkRequest {
        context,
        operation,
        flags: WorkFlags::default(),
    }
}
