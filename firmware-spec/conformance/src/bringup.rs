//! NEGOTIATE, QUERY_DEVICE, QUERY_PORT, the enable bit, bus mastering and parking.

use rnic_abi::{Opcode, Status, SyndromeReason, feature, interface, reg};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::failure::{Outcome, check, equal, fail};
use crate::request::Request;
use crate::rig::Wqe;
use crate::{Capability, Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("bringup.ready", &["BRING-1"], N, ready);
    list.add(
        "bringup.enable_gates_commands",
        &["BRING-2"],
        N,
        enable_gates_commands,
    );
    ends!(
        list,
        "bringup.enable_gates_queues",
        &["BRING-2"],
        N,
        enable_gates_queues
    );
    list.add("bringup.bus_master", &["BRING-3", "CMD-5"], N, bus_master);
    list.add(
        "bringup.negotiate_first",
        &["BRING-4", "ERR-3"],
        N,
        negotiate_first,
    );
    list.add(
        "bringup.negotiate_again",
        &["BRING-4", "BRING-8", "ERR-3"],
        N,
        negotiate_again,
    );
    list.add("bringup.version", &["BRING-5", "ERR-3"], N, version);
    list.add(
        "bringup.features_not_offered",
        &["BRING-6", "ERR-3"],
        N,
        features_not_offered,
    );
    list.add(
        "bringup.guest_qp1_and_connections",
        &["BRING-6"],
        N.features(feature::GUEST_QP1 | feature::CONNECTIONS),
        guest_qp1_and_connections,
    );
    list.add(
        "bringup.each_feature_alone",
        &["BRING-6"],
        N,
        each_feature_alone,
    );
    list.add("bringup.parked_address", &["BRING-7"], N, parked_address);
    list.add(
        "bringup.inactive_features",
        &["BRING-9", "ERR-3"],
        N,
        inactive_features,
    );
    list.add("bringup.port", &["BRING-10"], N, port);
    list.add(
        "parking.word_and_kick",
        &["PARK-1", "PARK-2"],
        N.features(feature::PARKING),
        word_and_kick,
    );
    list.add("parking.kick_counts", &["PARK-2"], N, kick_counts);
    ends!(
        list,
        "parking.work_after_park",
        &["PARK-1"],
        N.features(feature::PARKING),
        work_after_park
    );
    ends!(
        list,
        "parking.without",
        &["PARK-3", "DB-10"],
        N,
        without_parking
    );
}

fn ready<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    for _ in 0..3 {
        m.reset()?;
        let status = m.get(reg::DEVICE_STATUS);
        check(
            reg::device_status::READY.is_set(status),
            "DEVICE_STATUS.ready is 0 after a reset",
        )?;
        for (name, field) in [
            ("enabled", reg::device_status::ENABLED),
            ("negotiated", reg::device_status::NEGOTIATED),
            ("failed", reg::device_status::FAILED),
        ] {
            equal(
                format_args!("DEVICE_STATUS.{name} after a reset"),
                field.get(status),
                0,
            )?;
        }
    }
    Ok(())
}

fn enable<P: TestPlatform>(device: &crate::rig::Machine<'_, P>, on: bool) -> Outcome {
    device.put(reg::DEVICE_CONTROL, on.into());
    device.wait_until(
        "DEVICE_STATUS.enabled to follow DEVICE_CONTROL.enable",
        || reg::device_status::ENABLED.is_set(device.get(reg::DEVICE_STATUS)) == on,
    )
}

fn enable_gates_commands<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for _ in 0..2 {
        enable(&device, false)?;
        let ticket = device.submit(&Request::new(Opcode::NOP))?;
        device.settle();
        if device.answered(ticket)?.is_some() {
            return fail("a command was answered while DEVICE_CONTROL.enable was 0");
        }
        enable(&device, true)?;
        let answer = device.answer(ticket)?;
        equal(
            "status of a command rung while disabled",
            answer.status(),
            Status::OK,
        )?;
    }
    Ok(())
}

fn enable_gates_queues<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.alive()?;
    pair.b.recv(5, 0, 64)?;
    enable(&pair.a.dev, false)?;
    pair.a
        .post(&Wqe::new(rnic_abi::WorkOpcode::SEND).inline(b"later"))?;
    pair.a.scq.quiet(&pair.a.dev)?;
    equal(
        "a receive while the sender is disabled",
        pair.b.rcq.poll()?.is_none(),
        true,
    )?;
    enable(&pair.a.dev, true)?;
    pair.a.sent_ok()?;
    let c = pair.b.received_ok()?;
    equal("bytes received", c.byte_count.get(), 5)?;
    pair.alive()
}

fn bus_master<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let shown = || reg::device_status::BUS_MASTER.get(device.get(reg::DEVICE_STATUS));
    equal("DEVICE_STATUS.bus_master", shown(), 1)?;
    device.set_bus_master(false);
    equal("DEVICE_STATUS.bus_master", shown(), 0)?;
    let ticket = device.submit(&Request::new(Opcode::NOP))?;
    device.wait_until("the command ring to stop when it cannot be reached", || {
        !reg::cmd_control::ENABLE.is_set(device.get(reg::CMD_CONTROL))
    })?;
    equal(
        "FAILURE.code",
        reg::failure::CODE.get(device.get(reg::FAILURE)),
        rnic_abi::FailureCode::COMMAND_RING_DMA.0.into(),
    )?;
    device.set_bus_master(true);
    device.settle();
    check(
        device.answered(ticket)?.is_none(),
        "a command was answered although bus mastering was off",
    )
}

fn negotiate_first<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.start()?;
    for info in rnic_abi::COMMANDS {
        if info.code == Opcode::NEGOTIATE {
            continue;
        }
        let answer = device.call(&Request::new(info.code))?;
        // A command whose feature is not in force is unknown, and that is checked before negotiation.
        let expected = if info.feature.is_some() {
            Status::UNKNOWN_COMMAND
        } else {
            Status::NOT_NEGOTIATED
        };
        equal(
            format_args!("status of {} before NEGOTIATE", info.name),
            answer.status(),
            expected,
        )?;
    }
    device.negotiate(cx.usual())?;
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn negotiate_again<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.start()?;
    let shown = || reg::device_status::NEGOTIATED.get(device.get(reg::DEVICE_STATUS));
    equal("DEVICE_STATUS.negotiated before NEGOTIATE", shown(), 0)?;
    let wrong = device
        .negotiate_request(0)
        .set("major", interface::MAJOR + 1);
    device.refused(&wrong, Status::VERSION_MISMATCH, "major", None)?;
    equal(
        "DEVICE_STATUS.negotiated after a refused NEGOTIATE",
        shown(),
        0,
    )?;
    device.negotiate(cx.usual())?;
    equal("DEVICE_STATUS.negotiated after NEGOTIATE", shown(), 1)?;
    device.refused(
        &device.negotiate_request(0),
        Status::ALREADY_NEGOTIATED,
        "*",
        None,
    )?;
    equal(
        "ACTIVE_FEATURES after a refused NEGOTIATE",
        device.get(reg::ACTIVE_FEATURES),
        cx.usual(),
    )?;
    device.reset()?;
    equal("DEVICE_STATUS.negotiated after a reset", shown(), 0)?;
    cx.start()?.negotiate(0)
}

fn version<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.start()?;
    for major in [0, interface::MAJOR + 1, u16::MAX] {
        let request = device.negotiate_request(0).set("major", major);
        device.refused(&request, Status::VERSION_MISMATCH, "major", None)?;
    }
    let request = device.negotiate_request(0).set("minor", u16::MAX);
    let answer = device.ok(&request)?;
    equal(
        "major in force",
        answer.get("major"),
        interface::MAJOR.into(),
    )?;
    equal(
        "minor in force",
        answer.get("minor"),
        interface::MINOR.into(),
    )?;
    let device = cx.start()?;
    let answer = device.ok(&device.negotiate_request(0).set("minor", 0))?;
    equal(
        "minor in force when the driver knows 0",
        answer.get("minor"),
        0,
    )
}

fn features_not_offered<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.start()?;
    let mut tried = 0;
    for bit in 0..64 {
        let mask = 1_u64 << bit;
        if cx.offered() & mask != 0 {
            continue;
        }
        let request = device.negotiate_request(mask).set("parked_address", 0);
        device
            .refused(&request, Status::UNSUPPORTED, "features", None)
            .map_err(|f| f.while_doing(format_args!("feature bit {bit}")))?;
        tried += 1;
    }
    check(tried > 0, "the device offers all 64 feature bits")?;
    device.negotiate(cx.usual())
}

fn guest_qp1_and_connections<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.start()?;
    let request = device.negotiate_request(feature::GUEST_QP1 | feature::CONNECTIONS);
    device.refused(
        &request,
        Status::UNSUPPORTED,
        "features",
        SyndromeReason::CONFLICT,
    )?;
    device.negotiate(feature::GUEST_QP1)
}

fn each_feature_alone<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for f in rnic_abi::FEATURES {
        let mask = 1 << f.bit;
        if cx.offered() & mask == 0 {
            continue;
        }
        let device = cx
            .with_features(mask)
            .map_err(|e| e.while_doing(format_args!("NEGOTIATE of {} alone", f.name)))?;
        equal("ACTIVE_FEATURES", device.get(reg::ACTIVE_FEATURES), mask)?;
        device.ok(&Request::new(Opcode::NOP))?;
    }
    Ok(())
}

fn parked_address<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.start()?;
    let without = device
        .negotiate_request(0)
        .set("parked_address", device.parked().iova());
    device.refused(&without, Status::INVALID_FIELD, "parked_address", None)?;
    if cx.offered() & feature::PARKING == 0 {
        return Ok(());
    }
    let good = device.negotiate_request(feature::PARKING);
    for step in [1, 4, 7] {
        let request = good
            .clone()
            .set("parked_address", device.parked().iova() + step);
        device.refused(
            &request,
            Status::INVALID_FIELD,
            "parked_address",
            SyndromeReason::NOT_ALIGNED,
        )?;
    }
    if cx.can(Capability::Remap) {
        let gone = device.alloc(4096)?;
        device.platform.unmap(&gone)?;
        let request = good.clone().set("parked_address", gone.iova());
        let refused = device.refused(
            &request,
            Status::DMA_ERROR,
            "parked_address",
            SyndromeReason::NOT_REACHABLE,
        );
        device
            .platform
            .map(&gone, rnic_platform::DmaAccess::DeviceReadsAndWrites)?;
        refused?;
    }
    device.negotiate(feature::PARKING)
}

fn inactive_features<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(0)?;
    for info in rnic_abi::COMMANDS.iter().filter(|c| c.feature.is_some()) {
        let answer = device.call(&Request::new(info.code))?;
        equal(
            format_args!("status of {} without its feature", info.name),
            answer.status(),
            Status::UNKNOWN_COMMAND,
        )?;
    }
    let request = Request::new(Opcode::CREATE_PD).set("flags.privileged", 1);
    device.refused(
        &request,
        Status::UNSUPPORTED,
        "flags",
        SyndromeReason::NOT_ACTIVE,
    )
}

fn port<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let answer = device.ok(&Request::new(Opcode::QUERY_PORT))?;
    let link = reg::device_status::LINK_UP.get(device.get(reg::DEVICE_STATUS));
    equal("state of QUERY_PORT", answer.get("state"), link)?;
    equal(
        "guid of QUERY_PORT",
        answer.get("guid"),
        device.get(reg::NODE_GUID),
    )?;
    let mac = device.get(reg::MAC_ADDRESS).to_le_bytes();
    equal("mac of QUERY_PORT", answer.field("mac"), &mac[..6])?;
    check(answer.get("link_speed_mbps") > 0, "link_speed_mbps is zero")?;
    let (mtu, frame) = (answer.get("active_mtu"), answer.get("frame_bytes"));
    check(
        (1..=5).contains(&mtu),
        format_args!("active_mtu {mtu} is no MTU code"),
    )?;
    // Ethernet 14, IPv6 40, UDP 8, BTH 12, largest extension (RETH 16 and immediate 4), invariant CRC 4: the smallest and the
    // largest overhead that a definition of "fits" may choose.
    let bytes = 128_u64 << mtu;
    check(
        bytes + 14 + 20 + 8 + 12 + 4 <= frame,
        format_args!("packets of path MTU {bytes} do not fit frames of {frame} bytes"),
    )?;
    check(
        mtu == 5 || bytes * 2 + 14 + 4 + 40 + 8 + 12 + 28 + 4 > frame,
        format_args!(
            "path MTU {} would fit frames of {frame} bytes too",
            bytes * 2
        ),
    )
}

fn word_and_kick<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let parks = device.counter("PARKS")?;
    device.wait_until("an idle device to store 1 in the parked word", || {
        device.parked().load_u64(0) != 0
    })?;
    equal("parked word", device.parked().load_u64(0), 1)?;
    device.put(reg::KICK, 0xFFFF_FFFF);
    device.ok(&Request::new(Opcode::NOP))?;
    device.wait_until("the device to park again", || {
        device.parked().load_u64(0) == 1
    })?;
    device.counted("PARKS", parks, 1)
}

fn kick_counts<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(0)?;
    let before = device.counter("KICKS")?;
    for value in [0, 1, u64::from(u32::MAX)] {
        device.put(reg::KICK, value);
        equal("KICK read back", device.get(reg::KICK), 0)?;
    }
    equal(
        "KICKS after three kicks",
        device.counter("KICKS")?,
        before + 3,
    )
}

fn work_after_park<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for _ in 0..3 {
        for dev in [&pair.a.dev, &pair.b.dev] {
            dev.wait_until("the device to park", || dev.parked().load_u64(0) == 1)?;
        }
        pair.alive()?;
        // [QP-14]: before it parks, the count is up to date.
        let dev = &pair.a.dev;
        dev.wait_until("the device to park", || dev.parked().load_u64(0) == 1)?;
        let (retired, producer) = (pair.a.qp.send.retired(), pair.a.qp.send.producer);
        equal("retired-count word when parked", retired, producer.into())?;
    }
    Ok(())
}

fn without_parking<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (a, b) = cx.devices_with(!(feature::PARKING | feature::SUMMARY))?;
    let shape = crate::rig::QpShape::default();
    let mut pair = crate::rig::Pair::unconnected(&a, &b, (shape, shape))?;
    pair.connect(crate::rig::pair::Attributes::default())?;
    for _ in 0..3 {
        a.settle();
        pair.alive()?;
    }
    equal("parked word without PARKING", a.parked().load_u64(0), 0)
}
