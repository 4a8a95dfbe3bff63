//! What the two ends do.
//!
//! | module | what |
//! |---|---|
//! | `programs` | programs of rdma-core, and Python's verbs |
//! | `connecting` | refusals, patience, paused and full listeners, VLAN, next hop |
//! | `endings` | disconnects, and deaths of programs |
//! | `deaths` | deaths of a daemon |
//! | `unconnected` | datagrams, and an unreliable connection |

mod connecting;
mod deaths;
mod endings;
mod programs;
mod unconnected;

use anyhow::Result;

use super::bench::{Bench, Case};

/// One row of the table.
pub struct Row {
    pub name: &'static str,
    /// Why there is nothing to do over IPv6.
    pub only_v4: Option<&'static str>,
    /// Whether it is a row of a network that loses frames, or of one that does not; of both, if nothing is said.
    pub lossy: Option<bool>,
    pub act: fn(&mut Bench, Case) -> Result<()>,
}

const fn row(name: &'static str, act: fn(&mut Bench, Case) -> Result<()>) -> Row {
    Row {
        name,
        only_v4: None,
        lossy: None,
        act,
    }
}

/// Longest that a program of the peer may take, seconds.
const LIMIT: &str = "timeout 100";

/// The rows of tier 6.
pub const SHORT: &[Row] = &[
    row("rping client of Linux", programs::rping_client),
    row("rping server of Linux", programs::rping_server),
];

/// What is done with each MTU and in each weather.
pub const ROWS: &[Row] = &[
    row("rping client of Linux", programs::rping_client),
    row("rping server of Linux", programs::rping_server),
    row("ucmatose client of Linux", programs::ucmatose_client),
    row("ucmatose server of Linux", programs::ucmatose_server),
    row("rdma_client of Linux", programs::rdma_client),
    Row {
        only_v4: Some("rdma_server listens at an IPv4 address only"),
        ..row("rdma_server of Linux", programs::rdma_server)
    },
    row("verbs of Linux on a target", programs::verbs),
    row("rnic refuses, with private data", connecting::rnic_refuses),
    row(
        "Linux refuses, with private data",
        connecting::linux_refuses,
    ),
    row("nobody listens at rnic", connecting::nobody_listens_here),
    row("nobody listens at Linux", connecting::nobody_listens_there),
    row("rnic disconnects", endings::rnic_disconnects),
    row("Linux disconnects", endings::linux_disconnects),
    row("kill -9 of rnic's program", endings::kill_ours),
    row("kill -9 of Linux's program", endings::kill_theirs),
    row("UD: datagrams of Linux answered", unconnected::datagrams),
    Row {
        lossy: Some(false),
        ..row("UC: sends and writes both ways", unconnected::unreliable)
    },
    Row {
        lossy: Some(true),
        ..row(
            "UC: messages are lost, others come whole and once",
            unconnected::stream,
        )
    },
];

/// What neither MTU nor weather changes; some of it takes seconds by its nature.
pub const ONCE: &[Row] = &[
    row(
        "Linux thinks longer than a request waits: MRA",
        connecting::linux_thinks,
    ),
    row(
        "rnic thinks longer than a request waits: MRA",
        connecting::rnic_thinks,
    ),
    row("a paused listener of rnic", connecting::paused),
    row("a full backlog of rnic", connecting::backlog),
    row("rping both ways on a VLAN", connecting::vlan),
    row("rping to what is behind a gateway", connecting::gateway),
];

/// The same, each with a capture of its own: it begins anew with the daemon.
pub const DEATHS: &[Row] = &[
    row(
        "kill -9 of rnic's daemon while Linux reads",
        deaths::daemon_dies,
    ),
    row(
        "rnic's daemon dies and asks again from the same queue pair",
        deaths::daemon_comes_back,
    ),
];
