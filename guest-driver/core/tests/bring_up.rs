//! Bring-up: what is written, in which order, and what is refused.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)] // A test may abort.

mod machine;

use machine::{Access, Machine, all, limits};
use rnic_abi::{FailureCode, Status, consts, feature, reg};
use rnic_driver_core::{BringUp, Config, Error, Step, Violation};

/// Advances until the end, answering with `serve`.
fn run(machine: &Machine, config: Config, serve: impl Fn(&Machine)) -> Result<(), Error> {
    let mut step = BringUp::new(machine.clone(), config).advance();
    for _ in 0..200 {
        match step {
            Step::Pending(next) => {
                serve(machine);
                step = next.advance();
            }
            Step::Ready(_) => return Ok(()),
            Step::Failed(failed) => return Err(failed.error),
        }
    }
    panic!("bring-up does not end");
}

#[test]
fn registers_are_written_in_order_and_features_negotiated() {
    let machine = Machine::new(all());
    let device = machine.up(Config {
        command_vector: 3,
        cause_vector: 5,
        ..Config::default()
    });
    assert_eq!(device.nic.features(), all());
    assert_eq!(device.nic.identity().doorbell_pages, 1024);
    let writes: Vec<u64> = machine
        .take_log()
        .into_iter()
        .filter_map(|a| match a {
            Access::Write(at, _) if u64::from(at) != reg::CMD_NOTIFY => Some(u64::from(at)),
            _ => None,
        })
        .collect();
    // Reset, ring, vectors, enable: the programmer's guide.
    assert_eq!(
        writes,
        [
            reg::DEVICE_CONTROL,
            reg::CMD_SIZE,
            reg::CMD_DESC,
            reg::CMD_AVAIL,
            reg::CMD_USED,
            reg::CMD_CONTROL,
            reg::INTR_VECTOR,
            reg::INTR_MASK,
            reg::DEVICE_CONTROL,
        ]
    );
}

#[test]
fn nothing_is_done_while_the_reset_lasts() {
    let machine = Machine::new(all());
    let Step::Pending(bring_up) = BringUp::new(machine.clone(), Config::default()).advance() else {
        panic!("identified");
    };
    machine.set_register(reg::DEVICE_CONTROL, reg::device_control::RESET.mask());
    let Step::Pending(bring_up) = bring_up.advance() else {
        panic!("pending");
    };
    assert_eq!(machine.buffers(), 0);
    // [BRING-1] Reset done, but not ready.
    machine.set_register(reg::DEVICE_CONTROL, 0);
    machine.set_register(reg::DEVICE_STATUS, 0);
    let Step::Pending(bring_up) = bring_up.advance() else {
        panic!("pending");
    };
    assert_eq!(machine.buffers(), 0);
    machine.set_register(reg::DEVICE_STATUS, 1);
    assert!(matches!(bring_up.advance(), Step::Pending(_)));
}

#[test]
fn what_is_not_ours_is_refused_before_it_is_touched() {
    let checks: [(u64, u64, Error); 6] = [
        (reg::MAGIC, 0x1234, Error::NotOurs("wrong magic value")),
        (
            reg::INTERFACE_VERSION,
            0x0002_0000,
            Error::NotOurs("another major interface version"),
        ),
        (
            reg::CONTROL_HEADER,
            0,
            Error::NotOurs("a register block is missing"),
        ),
        (
            reg::INTERRUPT_HEADER,
            0x0001_0103,
            Error::NotOurs("the chain of register blocks is broken"),
        ),
        (
            reg::DOORBELL_PAGES,
            16,
            Violation::Limit("DOORBELL_PAGES").into(),
        ),
        (
            reg::DOORBELL_PAGES,
            1025,
            Violation::Limit("DOORBELL_PAGES").into(),
        ),
    ];
    for (at, value, error) in checks {
        let machine = Machine::new(all());
        machine.set_register(at, value);
        let Step::Failed(failed) = BringUp::new(machine.clone(), Config::default()).advance()
        else {
            panic!("{at:#x} = {value:#x} was accepted");
        };
        assert_eq!(failed.error, error);
        assert_eq!(machine.take_log(), [], "nothing was written");
    }
}

#[test]
fn unknown_blocks_are_skipped() {
    let machine = Machine::new(all());
    // [REG-6] A block that nobody knows, and one more, behind the last.
    machine.set_register(0x200, 0x0010_0177);
    machine.set_register(0x210, 0x0080_0178);
    machine.up(Config::default());
}

#[test]
fn a_required_feature_that_is_not_offered_fails() {
    let machine = Machine::new(all() & !feature::SRQ);
    let config = Config {
        required: feature::SRQ,
        ..Config::default()
    };
    let error = run(&machine, config, Machine::serve_bring_up).unwrap_err();
    assert_eq!(error, Error::Missing("SRQ"));
    assert_eq!(machine.buffers(), 0);
}

#[test]
fn a_ring_that_is_refused_says_why() {
    let machine = Machine::new(all());
    let error = run(&machine, Config::default(), |m| {
        m.set_register(reg::CMD_CONTROL, 0);
        m.set_register(reg::FAILURE, FailureCode::COMMAND_RING_SETUP.0.into());
    })
    .unwrap_err();
    assert_eq!(
        error,
        Violation::CommandRing(FailureCode::COMMAND_RING_SETUP).into()
    );
    assert_eq!(machine.buffers(), 0);
}

#[test]
fn surprise_removal_ends_bring_up_at_every_step() {
    for steps in 0..7 {
        let machine = Machine::new(all());
        let mut step = BringUp::new(machine.clone(), Config::default()).advance();
        for _ in 0..steps {
            if let Step::Pending(next) = step {
                machine.serve_bring_up();
                step = next.advance();
            }
        }
        if let Step::Ready(device) = step {
            machine.remove();
            assert_eq!(device.nic.status(), Err(Error::Gone));
            continue;
        }
        machine.remove();
        for _ in 0..3 {
            if let Step::Pending(next) = step {
                step = next.advance();
            }
        }
        let Step::Failed(failed) = step else {
            panic!("does not end after step {steps}");
        };
        assert_eq!(failed.error, Error::Gone);
        drop(failed);
        assert_eq!(machine.buffers(), 0, "after step {steps}");
    }
}

#[test]
fn every_failed_allocation_leaves_nothing_behind() {
    let mut n = 0;
    loop {
        let machine = Machine::new(all());
        machine
            .allowed
            .store(n, std::sync::atomic::Ordering::Relaxed);
        match run(&machine, Config::default(), Machine::serve_bring_up) {
            Ok(()) => break,
            Err(error) => assert_eq!(error, Error::NoMemory, "allocation {n}"),
        }
        assert_eq!(machine.buffers(), 0, "allocation {n}");
        n += 1;
    }
    assert!(n >= 5, "ring, answers, parked word, event ring, its list");
}

#[test]
fn limits_below_the_minimum_are_refused() {
    // [CONV-8]
    let machine = Machine::new(all());
    let error = run(&machine, Config::default(), |m| {
        let Some(taken) = m.next_command() else {
            return;
        };
        let header: rnic_abi::CommandHeader = rnic_abi::read(&taken.request).unwrap();
        if header.opcode() == rnic_abi::Opcode::NEGOTIATE {
            let request: rnic_abi::NegotiateRequest = rnic_abi::read(&taken.request).unwrap();
            let mut answer = rnic_abi::NegotiateAnswer::default();
            answer.major.set(1);
            answer.features = request.features;
            m.answer_ok(&taken, answer);
        } else {
            let mut answer = rnic_abi::QueryDeviceAnswer {
                limits: limits(),
                ..Default::default()
            };
            answer.limits.cq_log.set(7);
            m.answer_ok(&taken, answer);
        }
    })
    .unwrap_err();
    assert_eq!(error, Violation::Limit("CQ_LOG").into());
}

#[test]
fn a_device_that_grants_other_features_is_refused() {
    // [BRING-6]
    let machine = Machine::new(all());
    let error = run(&machine, Config::default(), |m| {
        if let Some(taken) = m.next_command() {
            let mut answer = rnic_abi::NegotiateAnswer::default();
            answer.major.set(1);
            answer.features.set(all() | feature::GUEST_QP1);
            m.answer_ok(&taken, answer);
        }
    })
    .unwrap_err();
    assert_eq!(error, Violation::Negotiation.into());
}

#[test]
fn a_refused_negotiation_is_reported() {
    let machine = Machine::new(all());
    let error = run(&machine, Config::default(), |m| {
        if let Some(taken) = m.next_command() {
            m.answer(
                &taken,
                Status::VERSION_MISMATCH,
                rnic_abi::NegotiateAnswer::default(),
            );
        }
    })
    .unwrap_err();
    let Error::Command(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.status, Status::VERSION_MISMATCH);
}

#[test]
fn no_vector_is_programmed_without_one() {
    let machine = Machine::new(all());
    machine.up(Config::default());
    let vector_none = u64::from(consts::VECTOR_NONE) << 16 | 1;
    let log = machine.take_log();
    assert!(log.contains(&Access::Write(reg::CMD_CONTROL as u32, vector_none)));
    assert!(
        !log.iter()
            .any(|a| matches!(a, Access::Write(at, _) if u64::from(*at) == reg::INTR_VECTOR))
    );
}

/// A device that was given up while it came up was waited for without end, or its memory was freed while it might still
/// use it.
#[test]
fn a_bring_up_that_is_given_up_ends_when_the_device_is_reset_and_frees_nothing_before() {
    let error = Error::Late("a step of bring-up");
    let mut given_up = 0;
    for steps in 0..8 {
        let machine = Machine::new(all());
        let mut step = BringUp::new(machine.clone(), Config::default()).advance();
        for _ in 0..steps {
            if let Step::Pending(next) = step {
                machine.serve_bring_up();
                step = next.advance();
            }
        }
        let Step::Pending(next) = step else { break };
        given_up += 1;
        machine.take_log();
        let mut next = next.give_up(error);
        let reset = reg::device_control::RESET.mask();
        let began = Access::Write(reg::DEVICE_CONTROL as u32, reset);
        assert!(machine.take_log().contains(&began), "after step {steps}");
        // It lasts, and what the device answers meanwhile changes nothing.
        machine.set_register(reg::DEVICE_CONTROL, reset);
        let buffers = machine.buffers();
        for _ in 0..4 {
            machine.serve_bring_up();
            let Step::Pending(same) = next.advance() else {
                panic!("it ended before the reset, after step {steps}");
            };
            next = same;
            assert_eq!(machine.buffers(), buffers, "after step {steps}");
        }
        machine.set_register(reg::DEVICE_CONTROL, 0);
        machine.set_register(reg::DEVICE_STATUS, 1);
        let Step::Failed(failed) = next.advance() else {
            panic!("it does not end, after step {steps}");
        };
        assert_eq!(failed.error, error);
        drop(failed);
        assert_eq!(machine.buffers(), 0, "after step {steps}");
    }
    assert!(given_up >= 6, "{given_up} steps");
}
