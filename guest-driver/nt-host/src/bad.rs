//! The life of the host's own test driver: it breaks the rule that keyword `Rule` names, wherever in its life that fits.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use ndis_sys::ndk::{NDK_CQ, NDK_CQ_NOTIFY_ANY, NDK_VERSION, NTSTATUS};
use nt_host::breach;
use nt_host::host::Host;
use nt_host::machine::BareMachine;
use nt_host::ndis::adapter::Adapter;
use nt_host::ndis::config::Value;
use nt_host::ndis::datapath::Packet;
use nt_host::ndk;

/// What the host calls after unloading, to show that it notices.
const CALL_AFTER_UNLOAD: &str = "call-after-unload";

/// The queue to arm again in its own notification, and whether that is to be done.
static QUEUE: AtomicPtr<NDK_CQ> = AtomicPtr::new(null_mut());
static AGAIN: AtomicBool = AtomicBool::new(false);

fn arm(queue: *mut NDK_CQ) {
    // SAFETY: a live queue of the provider.
    unsafe { ((*(*queue).Dispatch).NdkArmCq)(queue, NDK_CQ_NOTIFY_ANY) }
}

unsafe extern "win64" fn notified(_: *mut c_void, _: NTSTATUS) {
    // The driver notifies at once when armed: within this very notification.
    if AGAIN.swap(false, Ordering::SeqCst) {
        arm(QUEUE.load(Ordering::SeqCst));
    }
}

unsafe extern "win64" fn created(
    _: *mut c_void,
    _: NTSTATUS,
    _: *mut ndis_sys::ndk::NDK_OBJECT_HEADER,
) {
}

/// A consumer: an adapter, a queue, an arm.
fn consume(adapter: &Adapter, rule: &str) -> Result<()> {
    let version = NDK_VERSION { Major: 2, Minor: 0 };
    let opened = ndk::open(adapter, version, 0, 0);
    let opened = opened.map_err(|status| anyhow::anyhow!("NDK did not open: {status:#x}"))?;
    let mut queue = null_mut();
    // SAFETY: an open adapter; the callbacks have NDKPI's signatures.
    unsafe {
        let table = &*(*opened).Dispatch;
        let status = (table.NdkCreateCq)(
            opened,
            16,
            Some(notified),
            null_mut(),
            null_mut(),
            Some(created),
            null_mut(),
            &raw mut queue,
        );
        ensure!(status == 0, "NdkCreateCq: {status:#x}");
        QUEUE.store(queue, Ordering::SeqCst);
        AGAIN.store(rule == "cq-callback/nested", Ordering::SeqCst);
        arm(queue);
        let status = ((*(*queue).Dispatch).NdkCloseCq)(queue.cast(), None, null_mut());
        ensure!(status == 0, "NdkCloseCq: {status:#x}");
    }
    ndk::close(adapter, opened);
    Ok(())
}

pub fn run(driver: &Path, rule: &str) -> Result<()> {
    breach::set_patience(Duration::from_secs(1));
    let machine = Arc::new(BareMachine::new());
    let host = Host::load(driver, vec![machine.clone()])?;
    let adapter = host.add_adapter(0, &[("Rule", Value::Text(rule.into()))]);
    let status = host.start(&adapter);
    ensure!(status.is_ok(), "the test driver did not start: {status:x?}");
    machine.interrupt(1);
    adapter.query(0x0001_0101, 64);
    let numbers = adapter.send(&[Packet::plain(vec![0; 60])]);
    for number in numbers {
        adapter.wait_sent(number);
    }
    consume(&adapter, rule)?;
    // Timers and deferred calls have their time.
    std::thread::sleep(Duration::from_millis(30));
    let handler = adapter.handlers().CheckForHangHandlerEx;
    host.unload();
    if rule == CALL_AFTER_UNLOAD
        && let Some(handler) = handler
    {
        nt_host::enter::driver("a stale function", || {
            // SAFETY: the function is gone; the fault handler says so.
            unsafe { handler(null_mut()) }
        });
    }
    println!("unloaded; nothing is left");
    Ok(())
}
