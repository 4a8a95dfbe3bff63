//! The life of the host's own test driver: it breaks the rule that keyword `Rule` names, wherever in its life that fits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use nt_host::breach;
use nt_host::host::Host;
use nt_host::machine::BareMachine;
use nt_host::ndis::config::Value;
use nt_host::ndis::datapath::Packet;

/// What the host calls after unloading, to show that it notices.
const CALL_AFTER_UNLOAD: &str = "call-after-unload";

pub fn run(driver: &Path, rule: &str) -> Result<()> {
    breach::set_patience(Duration::from_secs(1));
    let machine = Arc::new(BareMachine::new());
    let host = Host::load(driver, vec![machine.clone()])?;
    let adapter = host.add_adapter(0, &[("Rule", Value::Text(rule.into()))]);
    let status = host.start(&adapter);
    anyhow::ensure!(status.is_ok(), "the test driver did not start: {status:x?}");
    machine.interrupt(1);
    adapter.query(0x0001_0101, 64);
    let numbers = adapter.send(&[Packet::plain(vec![0; 60])]);
    for number in numbers {
        adapter.wait_sent(number);
    }
    // Timers and deferred calls have their time.
    std::thread::sleep(Duration::from_millis(30));
    let handler = adapter.handlers().CheckForHangHandlerEx;
    host.unload();
    if rule == CALL_AFTER_UNLOAD
        && let Some(handler) = handler
    {
        nt_host::enter::driver("a stale function", || {
            // SAFETY: the function is gone; the fault handler says so.
            unsafe { handler(std::ptr::null_mut()) }
        });
    }
    println!("unloaded; nothing is left");
    Ok(())
}
