//! Device-level causes, vectors and masking.

use rnic_abi::consts::{MSIX_PBA_OFFSET, VECTOR_NONE};
use rnic_abi::{EqKind, Opcode, Status, SyndromeReason, feature, reg};
use rnic_platform::{Bar, TestPlatform};

use crate::failure::{Outcome, check, equal};
use crate::request::Request;
use crate::rig::{Eq, Ring, Virtqueue};
use crate::{Capability, Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "interrupts.test_sets_cause",
        &["INT-1", "INT-3"],
        N,
        test_sets_cause,
    );
    let counted = N.capability(Capability::Interrupts);
    list.add("interrupts.raise_once", &["INT-2"], counted, raise_once);
    list.add(
        "interrupts.unmask_raises",
        &["INT-2"],
        counted,
        unmask_raises,
    );
    list.add("interrupts.no_vector", &["INT-2"], counted, no_vector);
    list.add(
        "interrupts.masked_vector_pends",
        &["INT-4"],
        counted.capability(Capability::MaskVectors),
        masked_vector_pends,
    );
    list.add(
        "interrupts.pending_bit",
        &["INT-4"],
        counted
            .capability(Capability::MaskVectors)
            .capability(Capability::PendingBits),
        pending_bit,
    );
    list.add(
        "interrupts.command_vector",
        &["CMD-6"],
        counted,
        command_vector,
    );
    list.add(
        "interrupts.bad_vector_in_requests",
        &["INT-5", "CMD-20", "ERR-3"],
        N,
        bad_vector,
    );
}

const BITS: [u64; 4] = [1, 2, 4, 1 << 31];

fn test_sets_cause<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    for mask in [u64::from(u32::MAX), 0] {
        m.put(reg::INTR_MASK, mask);
        for bit in BITS {
            equal("INTR_CAUSE before", m.get(reg::INTR_CAUSE), 0)?;
            m.put(reg::INTR_TEST, bit);
            equal(
                format_args!("INTR_CAUSE after INTR_TEST {bit:#x}"),
                m.get(reg::INTR_CAUSE),
                bit,
            )?;
            equal("INTR_TEST read back", m.get(reg::INTR_TEST), 0)?;
            m.put(reg::INTR_CAUSE, !bit & 0xFFFF_FFFF);
            equal(
                "INTR_CAUSE after clearing the others",
                m.get(reg::INTR_CAUSE),
                bit,
            )?;
            m.put(reg::INTR_CAUSE, 0);
            equal("INTR_CAUSE after writing 0", m.get(reg::INTR_CAUSE), bit)?;
            m.put(reg::INTR_CAUSE, bit);
            equal("INTR_CAUSE after clearing", m.get(reg::INTR_CAUSE), 0)?;
        }
    }
    m.put(reg::INTR_TEST, 0x8000_0007);
    equal(
        "INTR_CAUSE after INTR_TEST of all",
        m.get(reg::INTR_CAUSE),
        0x8000_0007,
    )?;
    let status = m.get(reg::DEVICE_STATUS);
    check(
        !reg::device_status::FAILED.is_set(status),
        "INTR_TEST.failure made the device fail",
    )?;
    equal("FAILURE after INTR_TEST.failure", m.get(reg::FAILURE), 0)
}

/// Waits until a vector has this many messages, then checks that no more come.
#[track_caller]
fn exactly<P: TestPlatform>(cx: &Context<'_, P>, vector: u16, count: u64) -> Outcome {
    let (m, p) = (cx.machine(), cx.platform());
    m.wait_until(format_args!("message {count} on vector {vector}"), || {
        p.interrupts(vector) >= count
    })?;
    m.settle();
    equal(
        format_args!("messages on vector {vector}"),
        p.interrupts(vector),
        count,
    )
}

fn raise_once<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (m, p) = (cx.machine(), cx.platform());
    m.reset()?;
    for vector in [0, 5] {
        m.put(reg::INTR_VECTOR, vector.into());
        m.put(reg::INTR_MASK, 0);
        let mut count = p.interrupts(vector);
        for bit in BITS {
            m.put(reg::INTR_TEST, bit);
            count += 1;
            exactly(cx, vector, count)?;
            // Already set: nothing new.
            m.put(reg::INTR_TEST, bit);
            exactly(cx, vector, count)?;
            m.put(reg::INTR_CAUSE, bit);
            m.put(reg::INTR_TEST, bit);
            count += 1;
            exactly(cx, vector, count)?;
            m.put(reg::INTR_CAUSE, bit);
        }
    }
    Ok(())
}

fn unmask_raises<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (m, p) = (cx.machine(), cx.platform());
    m.reset()?;
    m.put(reg::INTR_VECTOR, 3);
    let all = 0x8000_0007;
    for bit in BITS {
        let before = p.interrupts(3);
        m.put(reg::INTR_MASK, all);
        m.put(reg::INTR_TEST, bit);
        exactly(cx, 3, before)?;
        m.put(reg::INTR_MASK, all & !bit);
        exactly(cx, 3, before + 1)?;
        m.put(reg::INTR_CAUSE, bit);
        // Unmasking a cause that is not set raises nothing.
        m.put(reg::INTR_MASK, all);
        m.put(reg::INTR_MASK, 0);
        exactly(cx, 3, before + 1)?;
    }
    Ok(())
}

fn no_vector<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (m, p) = (cx.machine(), cx.platform());
    m.reset()?;
    let vectors = reg::capability::VECTORS.get(m.get(reg::CAPABILITY)) as u16;
    let before: Vec<_> = (0..vectors).map(|v| p.interrupts(v)).collect();
    m.put(reg::INTR_MASK, 0);
    for vector in [VECTOR_NONE, vectors, 0x7FFF] {
        m.put(reg::INTR_VECTOR, vector.into());
        m.put(reg::INTR_TEST, 1);
        m.put(reg::INTR_CAUSE, 1);
    }
    m.settle();
    let after: Vec<_> = (0..vectors).map(|v| p.interrupts(v)).collect();
    equal("messages on all vectors", after, before)
}

/// One below 32 and one above: with MSI they are messages 1 and 8.
const MASKED: [u16; 2] = [1, 40];

/// Raises a masked vector three times and looks; then unmasks it.
fn while_masked<P: TestPlatform>(
    cx: &Context<'_, P>,
    vector: u16,
    look: impl FnOnce() -> Outcome,
) -> Outcome {
    let (m, p) = (cx.machine(), cx.platform());
    m.put(reg::INTR_VECTOR, vector.into());
    m.put(reg::INTR_MASK, 0);
    p.mask_vector(vector, true)?;
    for _ in 0..3 {
        m.put(reg::INTR_TEST, 1);
        m.put(reg::INTR_CAUSE, 1);
    }
    m.settle();
    let result = look();
    p.mask_vector(vector, false)?;
    result
}

fn masked_vector_pends<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    cx.machine().reset()?;
    for vector in MASKED {
        let before = cx.platform().interrupts(vector);
        while_masked(cx, vector, || {
            let seen = cx.platform().interrupts(vector);
            equal("messages while the vector is masked", seen, before)
        })?;
        exactly(cx, vector, before + 1)?;
    }
    Ok(())
}

fn pending_bit<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    cx.machine().reset()?;
    for vector in MASKED {
        let word = MSIX_PBA_OFFSET + u32::from(vector) / 64 * 8;
        let pending = || cx.platform().read64(Bar::Msix, word) >> (vector % 64) & 1;
        equal("pending bit before", pending(), 0)?;
        while_masked(cx, vector, || {
            equal("pending bit of a masked vector", pending(), 1)
        })?;
        equal("pending bit after unmasking", pending(), 0)?;
    }
    Ok(())
}

fn command_vector<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let p = cx.platform();
    // A second ring, so that its flags can be reached.
    device.put(reg::CMD_CONTROL, 0);
    let mut queue = Virtqueue::new(device.machine(), 8)?;
    let [descriptors, available, used] = queue.addresses();
    device.put(reg::CMD_SIZE, 8);
    device.put(reg::CMD_DESC, descriptors);
    device.put(reg::CMD_AVAIL, available);
    device.put(reg::CMD_USED, used);
    device.put(reg::CMD_CONTROL, 7 << 16 | 1);
    let space = device.alloc(4096)?;
    let mut nop = |flags: u16| -> Outcome {
        use rnic_platform::DmaBuffer;
        queue.set_flags(flags);
        space.write(0, &Request::new(Opcode::NOP).bytes);
        queue.chain(
            0,
            &[(space.iova(), 64, false), (space.iova() + 64, 64, true)],
        );
        queue.publish(0);
        device.put(reg::CMD_NOTIFY, 0);
        device.wait_for("a NOP on a ring with a vector", || queue.take())?;
        Ok(())
    };
    let before = p.interrupts(7);
    nop(0)?;
    exactly(cx, 7, before + 1)?;
    nop(crate::rig::virtqueue::NO_INTERRUPT)?;
    exactly(cx, 7, before + 1)?;
    nop(0)?;
    exactly(cx, 7, before + 2)
}

fn bad_vector<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let vectors = reg::capability::VECTORS.get(device.get(reg::CAPABILITY)) as u16;
    let ring = Ring::new(&device, 4, 4)?;
    let create_eq = Request::new(Opcode::CREATE_EQ)
        .set("kind", EqKind::COMPLETION)
        .ring("ring", &ring);
    let mut requests = vec![create_eq];
    if device.has(feature::ETHERNET) {
        let queue = Virtqueue::new(device.machine(), 8)?;
        let [descriptors, available, used] = queue.addresses();
        requests.push(
            Request::new(Opcode::CREATE_ETH_QUEUE)
                .set("size", 8)
                .set("descriptors", descriptors)
                .set("available", available)
                .set("used", used)
                .set("doorbell", device.next_slot()),
        );
    }
    for request in requests {
        for vector in [vectors, 0x7FFF, VECTOR_NONE - 1] {
            device.refused(
                &request.clone().set("vector", vector),
                Status::LIMIT_EXCEEDED,
                "vector",
                SyndromeReason::TOO_LARGE,
            )?;
        }
        device.ok(&request.set("vector", vectors - 1))?;
    }
    // The last vector is one.
    Eq::new(&device, EqKind::COMPLETION, 4, vectors - 1).map(drop)
}
