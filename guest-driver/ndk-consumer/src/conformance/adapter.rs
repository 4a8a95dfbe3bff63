//! Opening, versions, information, extensions, creation.

use std::ptr::null_mut;

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::{Bench, QpSizes, Socket, with_status};
use crate::link::{connector, listen, listener, listener_address};
use crate::ping;
use crate::platform::Refused;
use crate::{call, close};

tests! {
    versions_are_negotiated: [1, 3, 4];
    adapters_of_version_1_serve: [3, 36, 37, 41, 42];
    adapters_are_not_opened_while_disabled: [3, 103];
    switch_and_port_are_refused: [3, 110];
    information_has_the_size_of_its_version: [6];
    limits_are_what_smb_direct_needs: [2, 6, 95];
    extensions_are_unknown: [5, 15, 23, 30, 34, 45, 52, 55, 58, 71, 109];
    objects_carry_version_and_type: [7, 8, 16, 17, 18, 19, 9, 10, 11, 75];
    completion_queues_have_limits: [7];
    shared_endpoints_claim_an_address: [9, 54, 56, 101, 102];
    wrong_handles_are_refused: [];
}

fn version(major: u16, minor: u16) -> NDK_VERSION {
    NDK_VERSION {
        Major: major,
        Minor: minor,
    }
}

/// The sample consumer asks for 1.0, and gets what 2.x gives but the functions that came later.
fn adapters_of_version_1_serve<'b>(bench: &'b Bench<'b>) {
    bench.set_version(version(1, 0));
    ping::ping(bench, 2, 3000);
}

fn versions_are_negotiated(bench: &Bench<'_>) {
    for (asked, given) in [
        ((1, 0), (1, 2)),
        ((1, 1), (1, 2)),
        ((1, 2), (1, 2)),
        ((2, 0), (2, 1)),
        ((2, 1), (2, 1)),
    ] {
        let adapter = bench
            .platform
            .open(0, version(asked.0, asked.1), (0, 0))
            .expect("open");
        let info = bench.info(adapter);
        assert_eq!((info.Version.Major, info.Version.Minor), given);
        // SAFETY: an adapter.
        let header = unsafe { (*adapter).Header };
        assert_eq!(header.Version, version(given.0, given.1));
        assert_eq!(header.ObjectType, NdkObjectTypeAdapter);
        bench.platform.close(0, adapter);
    }
    for (major, minor) in [(0, 0), (0, 1), (1, 3), (2, 2), (3, 0), (u16::MAX, 0)] {
        let refused = bench.platform.open(0, version(major, minor), (0, 0));
        assert_eq!(refused, Err(Refused::Version), "{major}.{minor}");
    }
    // One for each consumer.
    let (first, second) = (bench.adapter(0), bench.adapter(0));
    assert_ne!(first, second);
    bench.platform.close(0, first);
    bench.platform.close(0, second);
}

fn adapters_are_not_opened_while_disabled(bench: &Bench<'_>) {
    let open = bench.adapter(0);
    bench.platform.set_enabled(0, false);
    let refused = bench.platform.open(0, version(2, 0), (0, 0));
    assert_eq!(refused, Err(Refused::NotReady));
    // What is open stays usable until it is closed.
    let pd = bench.pd(open);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, open);
    bench.platform.set_enabled(0, true);
    let again = bench.adapter(0);
    bench.platform.close(0, again);
}

fn switch_and_port_are_refused(bench: &Bench<'_>) {
    for port in [(1, 0), (0, 1), (7, 7)] {
        let refused = bench.platform.open(0, version(2, 0), port);
        assert!(matches!(refused, Err(Refused::Other(_))), "{port:?}");
    }
}

fn information_has_the_size_of_its_version(bench: &Bench<'_>) {
    for (major, bytes) in [(1, 0x60u32), (2, 0x68)] {
        let adapter = bench
            .platform
            .open(0, version(major, 0), (0, 0))
            .expect("open");
        let mut size = 0;
        let status = call!(adapter, NdkQueryAdapterInfo, null_mut(), &raw mut size);
        assert_eq!((status, size), (STATUS_BUFFER_TOO_SMALL, bytes));
        let mut info = NDK_ADAPTER_INFO::default();
        size = bytes - 1;
        let status = call!(adapter, NdkQueryAdapterInfo, &raw mut info, &raw mut size);
        assert_eq!((status, size), (STATUS_BUFFER_TOO_SMALL, bytes));
        assert_eq!(info, NDK_ADAPTER_INFO::default(), "nothing is written");
        let status = call!(adapter, NdkQueryAdapterInfo, &raw mut info, &raw mut size);
        assert_eq!(
            (status, size, info.Version.Major),
            (STATUS_SUCCESS, bytes, major)
        );
        let status = call!(adapter, NdkQueryAdapterInfo, &raw mut info, null_mut());
        assert_eq!(status, STATUS_INVALID_PARAMETER);
        bench.platform.close(0, adapter);
    }
}

/// users.md 2.3.
fn limits_are_what_smb_direct_needs(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let info = bench.info(adapter);
    assert!(info.FRMRPageCount >= 512);
    assert!(
        info.MaxInitiatorRequestSge >= 16
            && info.MaxReceiveRequestSge >= 1
            && info.MaxReadRequestSge >= 1
    );
    assert!(info.MaxInboundReadLimit >= 16 && info.MaxOutboundReadLimit >= 16);
    assert!(info.MaxTransferLength >= 8 << 20 && info.MaxRegistrationSize >= 8 << 20);
    assert!(
        info.MaxInitiatorQueueDepth >= 512
            && info.MaxReceiveQueueDepth >= 256
            && info.MaxCqDepth >= 2048
    );
    assert!(info.MaxCallerData >= 56 && info.MaxCalleeData >= 56);
    let flags = NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED
        | NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED
        | NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED
        | NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED
        | NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED
        | NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED;
    assert_eq!(info.AdapterFlags, flags);
    assert_eq!(info.RdmaTechnology, NdkRoCEv2);
    bench.platform.close(0, adapter);
}

fn extensions_are_unknown(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let (cq, _) = bench.cq(adapter, 4);
    let qp = bench.qp(pd, cq, QpSizes::default(), 0).expect("qp");
    let mr = bench.mr(pd, false);
    let mw: *mut NDK_MW = bench
        .create("mw", |done, context, place| {
            call!(pd, NdkCreateMw, done, context, place)
        })
        .expect("mw");
    let srq: *mut NDK_SRQ = super::queues::srq(bench, pd, (8, 1, 0), None).expect("srq");
    let connector = connector(bench, adapter);
    let (listener, _) = listener(bench, adapter);
    let mut at = Socket::new(bench.address(0));
    let endpoint: *mut NDK_SHARED_ENDPOINT = bench
        .create("endpoint", |done, context, place| {
            call!(
                adapter,
                NdkCreateSharedEndpoint,
                at.pointer(),
                at.length(),
                done,
                context,
                place
            )
        })
        .expect("endpoint");
    let mut unknown = GUID {
        Data1: 1,
        Data2: 2,
        Data3: 3,
        Data4: [4; 8],
    };
    let mut rss = NDK_EXTENSION_ID_ADAPTER_RSS_DISPATCH;
    macro_rules! asks {
        ($($object:expr),*) => {$(
            for id in [&raw mut unknown, &raw mut rss] {
                let mut interface = NDK_EXTENSION_INTERFACE { Dispatch: null_mut() };
                // SAFETY: a live object of the provider.
                let ask = unsafe { (*(*$object).Dispatch).NdkQueryExtension };
                // SAFETY: as above.
                let status = unsafe { ask($object.cast(), id, version(1, 0), &raw mut interface) };
                assert_eq!(status, STATUS_NOT_SUPPORTED, stringify!($object));
                assert!(interface.Dispatch.is_null());
            }
        )*};
    }
    asks!(
        adapter, pd, cq, qp, mr, mw, srq, connector, listener, endpoint
    );
    close!(bench, endpoint, NdkCloseSharedEndpoint);
    close!(bench, listener, NdkCloseListener);
    close!(bench, connector, NdkCloseConnector);
    close!(bench, qp, NdkCloseQp);
    close!(bench, srq, NdkCloseSrq);
    close!(bench, mw, NdkCloseMw);
    close!(bench, mr, NdkCloseMr);
    close!(bench, cq, NdkCloseCq);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn objects_carry_version_and_type(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let (cq, _) = bench.cq(adapter, 4);
    let qp = bench.qp(pd, cq, QpSizes::default(), 0).expect("qp");
    let mr = bench.mr(pd, true);
    let connector = connector(bench, adapter);
    let (listener, _) = listener(bench, adapter);
    let headers = [
        (adapter.cast::<NDK_OBJECT_HEADER>(), NdkObjectTypeAdapter),
        (pd.cast(), NdkObjectTypePd),
        (cq.cast(), NdkObjectTypeCq),
        (qp.cast(), NdkObjectTypeQp),
        (mr.cast(), NdkObjectTypeMr),
        (connector.cast(), NdkObjectTypeConnector),
        (listener.cast(), NdkObjectTypeListener),
    ];
    for (header, kind) in headers {
        // SAFETY: live objects.
        let header = unsafe { *header };
        assert_eq!((header.ObjectType, header.Version), (kind, version(2, 1)));
    }
    close!(bench, listener, NdkCloseListener);
    close!(bench, connector, NdkCloseConnector);
    close!(bench, mr, NdkCloseMr);
    close!(bench, qp, NdkCloseQp);
    close!(bench, cq, NdkCloseCq);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn completion_queues_have_limits(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let most = bench.info(adapter).MaxCqDepth;
    let affinity = |mask| GROUP_AFFINITY {
        Mask: mask,
        Group: 0,
        Reserved: [0; 3],
    };
    let notification = bench.callback("cq notification", 0);
    let create = |depth, function, affinity: *mut GROUP_AFFINITY| {
        bench.create("cq", |done, context, place| {
            call!(
                adapter,
                NdkCreateCq,
                depth,
                function,
                notification.context(),
                affinity,
                done,
                context,
                place,
            )
        })
    };
    for depth in [0, most + 1, u32::MAX] {
        assert_eq!(
            create(depth, Some(with_status), null_mut()),
            Err(STATUS_INVALID_PARAMETER),
            "{depth}"
        );
    }
    assert_eq!(
        create(4, None, null_mut()),
        Err(STATUS_INVALID_PARAMETER),
        "without a callback"
    );
    for mut affinity in [affinity(0), affinity(1), affinity(2), affinity(usize::MAX)] {
        let cq: *mut NDK_CQ = create(3, Some(with_status), &raw mut affinity).expect("cq");
        close!(bench, cq, NdkCloseCq);
    }
    bench.platform.close(0, adapter);
}

fn shared_endpoints_claim_an_address(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let ours = bench.address(0);
    let create = |address| {
        let mut at = Socket::new(address);
        bench.create("endpoint", |done, context, place| {
            call!(
                adapter,
                NdkCreateSharedEndpoint,
                at.pointer(),
                at.length(),
                done,
                context,
                place
            )
        })
    };
    let where_is = |endpoint: *mut NDK_SHARED_ENDPOINT| {
        Socket::ask(|to, length| call!(endpoint, NdkGetLocalAddress, to, length)).expect("address")
    };
    let strange = bench.address(1);
    assert_eq!(create(strange), Err(STATUS_INVALID_ADDRESS));
    let fixed = create(ours.with_port(7001)).expect("endpoint");
    assert_eq!(where_is(fixed), ours.with_port(7001));
    assert_eq!(create(ours.with_port(7001)), Err(STATUS_SHARING_VIOLATION));
    let (listener, _) = listener(bench, adapter);
    assert_eq!(
        listen(bench, listener, ours.with_port(7001)),
        STATUS_SHARING_VIOLATION
    );
    // A refused listener may be tried again.
    assert_eq!(listen(bench, listener, ours), STATUS_SUCCESS);
    let ephemeral = create(ours).expect("endpoint");
    for found in [
        where_is(ephemeral),
        listener_address(listener).expect("address"),
    ] {
        assert!(found.ip == ours.ip && found.port >= 49152, "{found:?}");
    }
    close!(bench, fixed, NdkCloseSharedEndpoint);
    let again = create(ours.with_port(7001)).expect("free again");
    close!(bench, again, NdkCloseSharedEndpoint);
    close!(bench, ephemeral, NdkCloseSharedEndpoint);
    close!(bench, listener, NdkCloseListener);
    bench.platform.close(0, adapter);
}

/// A handle of another kind, and null.
fn wrong_handles_are_refused(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    // SAFETY: a live object.
    let table = unsafe { *(*adapter).Dispatch };
    // A layer in between looks into handles itself, passes on none that is not one, and puts completions of its own in
    // the place of the consumer's: there is nothing to see through it.
    let direct = !bench.platform.is_layered();
    let wrong = [null_mut(), pd.cast::<NDK_ADAPTER>()];
    for wrong in wrong.into_iter().filter(|_| direct) {
        let mut size = 0u32;
        // SAFETY: null, and an object of another kind: the provider looks.
        let status = unsafe { (table.NdkQueryAdapterInfo)(wrong, null_mut(), &raw mut size) };
        assert_eq!(status, STATUS_INVALID_PARAMETER);
        let created: Result<*mut NDK_PD, _> = bench.create("pd", |done, context, place| {
            // SAFETY: as above.
            unsafe { (table.NdkCreatePd)(wrong, done, context, place) }
        });
        assert_eq!(created, Err(STATUS_INVALID_PARAMETER));
    }
    // A completion that is not there.
    let mut place = null_mut();
    if direct {
        let status = call!(adapter, NdkCreatePd, None, null_mut(), &raw mut place);
        assert_eq!(status, STATUS_INVALID_PARAMETER);
    }
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}
