//! Requests and answers.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The devices.
    QueryDevices,
    /// Counters of all devices, or of one.
    QueryCounters {
        /// The device.
        device: Option<u32>,
    },
    /// The ports to the outside.
    QueryPorts,
    /// A device's link.
    SetLink {
        /// The device.
        device: u32,
        /// Up or down.
        up: bool,
    },
    /// Begin to record ports.
    CaptureStart {
        /// Where to; as the daemon sees it.
        file: PathBuf,
        /// Which ports, by name; none: all.
        #[serde(default)]
        ports: Vec<String>,
    },
    /// End that.
    CaptureStop,
    /// The recording, if there is one.
    QueryCapture,
    /// The end.
    Quit,
}

/// The answer to a request that succeeded.
pub fn success(value: &Value) -> String {
    format!("{}\n", json!({ "return": value }))
}

/// The answer to one that did not.
pub fn failure(error: &str) -> String {
    format!("{}\n", json!({ "error": error }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Arguments, Command};
    use clap::Parser;

    #[test]
    fn the_command_line_asks_what_the_server_knows() {
        for (arguments, request) in [
            (&["query-devices"][..], Request::QueryDevices),
            (&["query-counters"], Request::QueryCounters { device: None }),
            (
                &["query-counters", "--device", "1"],
                Request::QueryCounters { device: Some(1) },
            ),
            (
                &["set-link", "1", "down"],
                Request::SetLink {
                    device: 1,
                    up: false,
                },
            ),
            (&["query-ports"], Request::QueryPorts),
            (&["quit"], Request::Quit),
        ] {
            let all = ["rnic", "control", "/s"].iter().chain(arguments);
            let Some(Command::Control(options)) = Arguments::parse_from(all).command else {
                panic!();
            };
            let text = options.request().to_string();
            assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        }
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"command":"x"}"#,
            r#"{"command":"set-link"}"#,
        ] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
