//! Why is it not RDMA? `ci/windows/doctor.ps1` without Windows. There is no PowerShell to run it with (ci/windows/README.md): so
//! what judges is a table, `causes.json`, which these tests hold against made-up machines. What holds for all scripts: `scripts`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::workspace;

/// Why RDMA may be missing, as doctor.ps1 reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    fact: String,
    what: String,
    remedy: String,
    exists: Option<bool>,
    is: Option<Vec<String>>,
    is_not: Option<Vec<String>>,
    contains: Option<String>,
    at_least: Option<u64>,
}

impl Cause {
    /// As Test-Cause of doctor.ps1: whether the value is what is wanted; none when it is not known.
    fn holds(&self, value: Option<&str>) -> Option<bool> {
        if self.exists.is_some() {
            return Some(value.is_some());
        }
        let value = value?;
        let among = |list: &Vec<String>| list.iter().any(|one| one.eq_ignore_ascii_case(value));
        let is = self.is.as_ref().map(among);
        let is_not = self.is_not.as_ref().map(|list| !among(list));
        let contains = self.contains.as_ref().map(|part| value.contains(part));
        let at_least = self
            .at_least
            .map(|least| value.parse::<u64>().unwrap() >= least);
        is.or(is_not).or(contains).or(at_least)
    }

    /// What must hold, in words.
    fn wanted(&self) -> String {
        let quoted = |list: &[String]| list.join(", ");
        match (&self.is, &self.is_not, &self.contains, self.at_least) {
            (Some(list), ..) => format!("is {}", quoted(list)),
            (_, Some(list), ..) => format!("is not {}", quoted(list)),
            (_, _, Some(part), _) => format!("contains {part}"),
            (_, _, _, Some(least)) => format!("is at least {least}"),
            _ => "is there".into(),
        }
    }
}

pub(super) fn folder() -> PathBuf {
    workspace::root().join("ci/windows")
}

pub(super) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn causes() -> Vec<Cause> {
    serde_json::from_str(&read(&folder().join("causes.json"))).unwrap()
}

/// A machine on which everything is right, as documented outputs of the cmdlets have it.
fn healthy() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        (
            "device.instance",
            r"PCI\VEN_1D1D&DEV_524E&SUBSYS_00000000&REV_01\3&11583659&0&20",
        ),
        ("device.status", "OK"),
        ("adapter.name", "Ethernet 2"),
        ("adapter.status", "Up"),
        ("adapter.teamed", "False"),
        ("adapter.switched", "False"),
        ("keyword.networkdirect", "1"),
        ("inf.upperrange", "ndis5"),
        ("rdma.adapter", "rnic Ethernet and RDMA adapter"),
        ("rdma.enabled", "True"),
        ("machine.networkdirect", "Enabled"),
        ("rdma.queuepairs", "1024"),
        ("rdma.completionqueues", "1024"),
        ("ip.preferred", "192.168.77.1, fe80::1"),
        ("os.edition", "ServerStandardEval"),
        ("smb.feature", "Enabled"),
        ("smb.client.multichannel", "True"),
        ("smb.server.multichannel", "True"),
        ("smb.constrained", "False"),
        ("smb.signing_alone", "False"),
        ("smb.client.capable", "True"),
        ("smb.server.capable", "True"),
        ("smb.listener", "Kernel 44 Listener 192.168.77.1:445 NA 0"),
        ("smb.errors", "none"),
        ("smb.connection", "both"),
    ])
}

/// What is wrong with a machine, facts that follow of it (none: not known), and the cause that is to be told first.
type Story = (
    &'static str,
    &'static [(&'static str, Option<&'static str>)],
    &'static str,
);

/// Without an adapter nothing about it is known.
const NO_ADAPTER: &[(&str, Option<&str>)] = &[
    ("adapter.name", None),
    ("adapter.status", None),
    ("adapter.teamed", None),
    ("adapter.switched", None),
    ("keyword.networkdirect", None),
    ("rdma.adapter", None),
    ("rdma.enabled", None),
    ("rdma.queuepairs", None),
    ("rdma.completionqueues", None),
    ("ip.preferred", None),
    ("smb.client.capable", None),
    ("smb.server.capable", None),
    ("smb.listener", None),
    ("smb.connection", None),
];
/// What SMB says where there is no RDMA.
const NO_RDMA: &[(&str, Option<&str>)] = &[
    ("smb.client.capable", Some("False")),
    ("smb.server.capable", Some("False")),
    ("smb.listener", None),
];

const STORIES: &[Story] = &[
    (
        "the daemon is not running",
        &[("device.instance", None), ("device.status", None)],
        "device.instance",
    ),
    (
        "no driver is installed",
        &[("device.status", Some("Error, CM_PROB_FAILED_INSTALL"))],
        "device.status",
    ),
    (
        "the driver does not start",
        &[("device.status", Some("Error, CM_PROB_FAILED_START"))],
        "device.status",
    ),
    (
        "Secure Boot refuses the driver",
        &[
            ("boot.secure", Some("True")),
            ("boot.testsigning", Some("False")),
            ("device.status", Some("Error, CM_PROB_UNSIGNED_DRIVER")),
        ],
        "boot.secure",
    ),
    (
        "Windows was not started for tests",
        &[
            ("boot.secure", Some("False")),
            ("boot.testsigning", Some("False")),
            ("device.status", Some("Error, CM_PROB_UNSIGNED_DRIVER")),
        ],
        "boot.testsigning",
    ),
    ("the adapter is not there", &[], "adapter.name"),
    (
        "the cable is pulled",
        &[("adapter.status", Some("Disconnected"))],
        "adapter.status",
    ),
    (
        "somebody disabled it",
        &[("adapter.status", Some("Disabled"))],
        "adapter.status",
    ),
    (
        "it is in a team",
        &[("adapter.teamed", Some("True"))],
        "adapter.teamed",
    ),
    (
        "Hyper-V has it",
        &[("adapter.switched", Some("True"))],
        "adapter.switched",
    ),
    (
        "RDMA was switched off on its page",
        &[
            ("keyword.networkdirect", Some("0")),
            ("rdma.enabled", Some("False")),
        ],
        "keyword.networkdirect",
    ),
    (
        "another INF was used",
        &[("inf.upperrange", Some("ndis4"))],
        "inf.upperrange",
    ),
    (
        "an IOMMU is in the way",
        &[
            ("rdma.adapter", None),
            ("rdma.enabled", None),
            ("rdma.queuepairs", None),
            ("rdma.completionqueues", None),
        ],
        "rdma.adapter",
    ),
    (
        "NDIS has it disabled",
        &[
            ("rdma.enabled", Some("False")),
            ("rdma.queuepairs", Some("0")),
        ],
        "rdma.enabled",
    ),
    (
        "Network Direct is off for the machine",
        &[
            ("machine.networkdirect", Some("Disabled")),
            ("rdma.queuepairs", Some("0")),
        ],
        "machine.networkdirect",
    ),
    (
        "the provider gave no limits",
        &[
            ("rdma.queuepairs", Some("0")),
            ("rdma.completionqueues", Some("0")),
        ],
        "rdma.queuepairs",
    ),
    (
        "the provider gave half of its limits",
        &[("rdma.completionqueues", Some("0"))],
        "rdma.completionqueues",
    ),
    (
        "its address is tentative",
        &[("ip.preferred", None)],
        "ip.preferred",
    ),
    (
        "Windows 11 Pro",
        &[("os.edition", Some("Professional")), ("smb.feature", None)],
        "os.edition",
    ),
    (
        "Windows 11 Enterprise as it comes",
        &[
            ("os.edition", Some("Enterprise")),
            ("smb.feature", Some("Disabled")),
        ],
        "smb.feature",
    ),
    (
        "the client's Multichannel is off",
        &[("smb.client.multichannel", Some("False"))],
        "smb.client.multichannel",
    ),
    (
        "the server's Multichannel is off",
        &[("smb.server.multichannel", Some("False"))],
        "smb.server.multichannel",
    ),
    (
        "SMB is bound to another adapter",
        &[("smb.constrained", Some("True"))],
        "smb.constrained",
    ),
    (
        "Server 2019 that signs",
        &[("smb.signing_alone", Some("True"))],
        "smb.signing_alone",
    ),
    ("SMB has not looked yet", &[], "smb.client.capable"),
    (
        "the server's service began before RDMA",
        &[("smb.server.capable", Some("False"))],
        "smb.server.capable",
    ),
    ("nobody listens", &[("smb.listener", None)], "smb.listener"),
    (
        "a limit is too low",
        &[("smb.errors", Some("301: NDK limit below minimum"))],
        "smb.errors",
    ),
    (
        "the peer has no RDMA",
        &[("smb.connection", Some("client only"))],
        "smb.connection",
    ),
    (
        "RDMA was tried and given up",
        &[("smb.connection", Some("failed"))],
        "smb.connection",
    ),
];

/// The cause that doctor.ps1 names: the first that does not hold.
fn first(facts: &BTreeMap<&str, &str>) -> Option<String> {
    let causes = causes();
    let wrong = |cause: &&Cause| cause.holds(facts.get(&*cause.fact).copied()) == Some(false);
    causes.iter().find(wrong).map(|cause| cause.fact.clone())
}

#[test]
fn nothing_is_found_on_a_healthy_machine() {
    assert_eq!(first(&healthy()), None);
    // A server that was never asked has no connections; Windows without the cmdlet says nothing.
    let mut facts = healthy();
    for fact in ["smb.connection", "smb.feature", "smb.constrained"] {
        facts.remove(fact);
    }
    assert_eq!(first(&facts), None);
}

#[test]
fn each_trouble_is_told_by_its_own_cause() {
    let mut told = BTreeSet::new();
    for (story, changes, cause) in STORIES {
        let mut facts = healthy();
        let more = match *cause {
            "device.instance" | "device.status" | "boot.secure" | "boot.testsigning"
            | "adapter.name" => NO_ADAPTER,
            fact if fact.starts_with("rdma.") || fact == "smb.client.capable" => NO_RDMA,
            _ => &[],
        };
        for (fact, value) in changes.iter().chain(more) {
            match value {
                Some(value) => facts.insert(fact, value),
                None => facts.remove(fact),
            };
        }
        assert_eq!(first(&facts).as_deref(), Some(*cause), "{story}");
        told.insert((*cause).to_owned());
    }
    let all: BTreeSet<String> = causes().into_iter().map(|cause| cause.fact).collect();
    assert_eq!(told, all, "causes that no story shows");
}

#[test]
fn every_fact_is_asked_for_once_and_judged_in_that_order_or_a_later() {
    let text = read(&folder().join("doctor.ps1"));
    let asked: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Add-Fact '")?.split('\'').next())
        .collect();
    let judged: Vec<String> = causes().into_iter().map(|cause| cause.fact).collect();
    assert_eq!(asked, judged);
}

#[test]
fn each_cause_wants_one_thing() {
    for cause in causes() {
        let wants = [
            cause.exists == Some(true),
            cause.is.is_some(),
            cause.is_not.is_some(),
            cause.contains.is_some(),
            cause.at_least.is_some(),
        ];
        assert_eq!(
            wants.into_iter().filter(|want| *want).count(),
            1,
            "{}",
            cause.fact
        );
        assert!(!cause.remedy.is_empty());
    }
}

/// The page for people; RNIC_RENEW writes it.
#[test]
fn the_page_says_what_the_table_says() {
    let mut page = String::from(
        "# Why is it not RDMA?\n\n`ci/windows/doctor.ps1` asks Windows for these, from the bus up to SMB, and names the first that does not hold: those after it\n\
         often follow from it. Run it as administrator on both ends. Written from `ci/windows/causes.json`; its tests play a machine for\n\
         each. No Windows has run it yet.\n\n\
         | what must hold | how it is seen | what to do |\n|---|---|---|\n",
    );
    for cause in causes() {
        page += &format!(
            "| {} | `{}` {} | {} |\n",
            cause.what,
            cause.fact,
            cause.wanted(),
            cause.remedy
        );
    }
    page += "\nNo causes, though they look like some:\n\n\
             - Task Manager's graph of the adapter stays flat: that is RDMA, which passes the Ethernet side by. Perfmon's *RDMA Activity* moves.\n\
             - No PFC, no DCB, `Get-NetAdapterQos` off: rnic's wire loses nothing by itself, and what is lost is sent again.\n\
             - A link speed below that of hardware: a software card says what it can do, and Test-NetStack takes a share of it.\n\
             - RSS: SMB uses RDMA with or without it.\n";
    let file = workspace::root().join("docs/why-not-rdma.md");
    if std::env::var_os("RNIC_RENEW").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        read(&file) == page,
        "to renew docs/why-not-rdma.md: RNIC_RENEW=1 cargo test -p xtask the_page_says"
    );
}

/// Facts are asked in blocks that run inside Add-Fact: a name that it uses itself would hide the script's.
#[test]
fn blocks_see_the_scripts_own_variables() {
    let text = read(&folder().join("doctor.ps1"));
    let (_, rest) = text.split_once("function Add-Fact").unwrap();
    let (body, after) = rest.split_once("\n}\n").unwrap();
    let variables = |text: &str| -> BTreeSet<String> {
        let pieces = text.split('$').skip(1);
        let names = pieces.map(|piece| {
            let end = piece
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(piece.len());
            piece[..end].to_lowercase()
        });
        names
            .filter(|name| !["", "_", "null", "script"].contains(&&**name))
            .collect()
    };
    let both: Vec<_> = variables(body)
        .intersection(&variables(after))
        .cloned()
        .collect();
    assert!(
        both.is_empty(),
        "{both:?} mean something else inside a fact"
    );
}
