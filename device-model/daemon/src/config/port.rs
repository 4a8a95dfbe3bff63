//! `--port`: wires to other processes and to the kernel.

use std::net::SocketAddr;
use std::path::PathBuf;

use rnic_net::shape::{Shape, parse_delay, parse_rate};
use serde::Deserialize;

use super::pairs;

/// MTU when somebody else's network card may be on the wire.
const WIRE_MTU: u32 = 1500;

/// What `--port` can say; shown when it says something else.
const KINDS: &str = "\
    none (the default); \
    kind=dgram,local=PATH,remote=PATH; \
    kind=stream,listen=PATH or kind=stream,connect=PATH; \
    kind=udp,local=ADDRESS:PORT,remote=ADDRESS:PORT; \
    kind=tap,name=INTERFACE; each with [,mtu=N][,rate=10G][,delay=50us]";

/// What carries the frames of a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// Unix datagrams, as QEMU's `-netdev dgram` with `type=unix`.
    Dgram {
        /// Our socket.
        local: PathBuf,
        /// Theirs.
        remote: PathBuf,
    },
    /// A unix stream at which we listen, as QEMU's `-netdev stream,server=off` connects to it.
    Listen(PathBuf),
    /// A unix stream that we connect, as to QEMU's `-netdev stream,server=on`.
    Connect(PathBuf),
    /// A UDP tunnel, as QEMU's `-netdev dgram` with `type=inet`.
    Udp {
        /// Our address.
        local: SocketAddr,
        /// Theirs.
        remote: SocketAddr,
    },
    /// A TAP interface.
    Tap(String),
}

impl PortKind {
    /// Its name in options and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Dgram { .. } => "dgram",
            Self::Listen(_) | Self::Connect(_) => "stream",
            Self::Udp { .. } => "udp",
            Self::Tap(_) => "tap",
        }
    }
}

/// A wire as it was asked for; no kind: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Said")]
pub struct PortOptions {
    /// What carries its frames.
    pub kind: Option<PortKind>,
    /// MTU of the network behind it.
    pub mtu: Option<u32>,
    /// How its line is.
    pub shape: Shape,
}

impl PortOptions {
    /// The MTU of the network behind it.
    #[must_use]
    pub fn mtu(&self) -> u32 {
        self.mtu.unwrap_or(WIRE_MTU)
    }
}

/// The options as they are said, on the command line or in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Said {
    #[serde(alias = "type")]
    kind: String,
    local: Option<String>,
    remote: Option<String>,
    listen: Option<String>,
    connect: Option<String>,
    name: Option<String>,
    mtu: Option<u32>,
    rate: Option<String>,
    delay: Option<String>,
}

impl TryFrom<Said> for PortOptions {
    type Error = String;

    fn try_from(mut said: Said) -> Result<Self, String> {
        let kind = said.kind.clone();
        let mut need = |key: &str| {
            let value = match key {
                "local" => said.local.take(),
                "remote" => said.remote.take(),
                "listen" => said.listen.take(),
                "connect" => said.connect.take(),
                _ => said.name.take(),
            };
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("a {kind} port needs {key}=; a port is {KINDS}"))
        };
        let address = |key: &str, value: String| {
            value.parse::<SocketAddr>().map_err(|_| {
                format!("{key}={value} is no address; give for example 127.0.0.1:5000")
            })
        };
        let kind = match kind.as_str() {
            "none" => None,
            "dgram" => Some(PortKind::Dgram {
                local: need("local")?.into(),
                remote: need("remote")?.into(),
            }),
            "stream" => Some(match (need("listen"), need("connect")) {
                (Ok(path), Err(_)) => PortKind::Listen(path.into()),
                (Err(_), Ok(path)) => PortKind::Connect(path.into()),
                _ => {
                    return Err(
                        "a stream port needs listen=PATH or connect=PATH, one of them".into(),
                    );
                }
            }),
            "udp" => Some(PortKind::Udp {
                local: address("local", need("local")?)?,
                remote: address("remote", need("remote")?)?,
            }),
            "tap" => Some(PortKind::Tap(need("name")?)),
            "" => return Err(format!("a port needs kind=; a port is {KINDS}")),
            other => return Err(format!("`{other}` is no kind of port; a port is {KINDS}")),
        };
        let rest = [
            ("local", &said.local),
            ("remote", &said.remote),
            ("listen", &said.listen),
            ("connect", &said.connect),
            ("name", &said.name),
        ];
        if let Some((key, _)) = rest.into_iter().find(|(_, value)| value.is_some()) {
            return Err(format!(
                "a {} port has no {key}=; a port is {KINDS}",
                said.kind
            ));
        }
        let rate = said.rate.as_deref().map(parse_rate).transpose();
        let delay = said.delay.as_deref().map(parse_delay).transpose();
        Ok(Self {
            kind,
            mtu: said.mtu,
            shape: Shape {
                bits_per_second: rate.map_err(|e| format!("rate: {e}"))?.unwrap_or(0),
                delay_ns: delay.map_err(|e| format!("delay: {e}"))?.unwrap_or(0),
            },
        })
    }
}

/// Parses the value of `--port`.
///
/// # Errors
/// A message that says which part is wrong.
pub fn parse_port(text: &str) -> Result<PortOptions, String> {
    // The kind alone may stand first.
    let first = text.split(',').next().unwrap_or_default();
    let text = if first.contains('=') {
        text.to_owned()
    } else {
        format!("kind={text}")
    };
    let mut said = Said::default();
    for (key, value) in pairs(&text)? {
        let place = match key {
            "kind" => {
                said.kind = value.to_owned();
                continue;
            }
            "mtu" => {
                let mtu = value
                    .parse()
                    .map_err(|_| format!("mtu={value} is no number"))?;
                said.mtu = Some(mtu);
                continue;
            }
            "local" => &mut said.local,
            "remote" => &mut said.remote,
            "listen" => &mut said.listen,
            "connect" => &mut said.connect,
            "name" => &mut said.name,
            "rate" => &mut said.rate,
            "delay" => &mut said.delay,
            _ => return Err(format!("{key}= is unknown; a port is {KINDS}")),
        };
        *place = Some(value.to_owned());
    }
    PortOptions::try_from(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_said() {
        let plain = |kind| PortOptions {
            kind: Some(kind),
            ..PortOptions::default()
        };
        for (text, want) in [
            ("none", PortOptions::default()),
            ("kind=none", PortOptions::default()),
            (
                "dgram,local=a,remote=b",
                plain(PortKind::Dgram {
                    local: "a".into(),
                    remote: "b".into(),
                }),
            ),
            ("kind=stream,listen=s", plain(PortKind::Listen("s".into()))),
            ("stream,connect=s", plain(PortKind::Connect("s".into()))),
            (
                "kind=udp,local=127.0.0.1:1,remote=[::1]:2",
                plain(PortKind::Udp {
                    local: "127.0.0.1:1".parse().unwrap(),
                    remote: "[::1]:2".parse().unwrap(),
                }),
            ),
            (
                "kind=tap,name=rnic0,mtu=9000,rate=25G,delay=3us",
                PortOptions {
                    kind: Some(PortKind::Tap("rnic0".into())),
                    mtu: Some(9000),
                    shape: Shape {
                        bits_per_second: 25_000_000_000,
                        delay_ns: 3_000,
                    },
                },
            ),
        ] {
            assert_eq!(parse_port(text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [
            ("dgram", "a dgram port needs local="),
            ("dgram,local=x", "a dgram port needs remote="),
            ("local=x,remote=y", "a port needs kind="),
            ("vde,local=x,remote=y", "`vde` is no kind of port"),
            ("tap,name=t0,local=x", "a tap port has no local="),
            ("tap", "a tap port needs name="),
            ("stream", "listen=PATH or connect=PATH"),
            ("stream,listen=a,connect=b", "one of them"),
            ("udp,local=x,remote=y", "give for example 127.0.0.1:5000"),
            ("dgram,local=x,remote=y,mtu=z", "mtu=z is no number"),
            ("dgram,local=x,remote=y,rate=fast", "for example 10G"),
            ("dgram,local=x,remote=y,delay=5", "for example 50us"),
            ("dgram,local=x,remote=y,color=red", "color= is unknown"),
        ] {
            let error = parse_port(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_says_the_same() {
        let read = |text: &str| toml::from_str::<PortOptions>(text);
        let options = read("kind = 'stream'\nlisten = 's'\nrate = '1G'").unwrap();
        assert_eq!(options.kind, Some(PortKind::Listen("s".into())));
        assert_eq!(options.shape.bits_per_second, 1_000_000_000);
        let old = read("type = 'dgram'\nlocal = 'x'\nremote = 'y'\nmtu = 2000").unwrap();
        assert_eq!(old.mtu(), 2000);
        let error = read("kind = 'tap'").unwrap_err();
        assert!(error.to_string().contains("needs name="), "{error}");
        assert!(read("kind = 'none'\ncolor = 1").is_err());
    }
}
