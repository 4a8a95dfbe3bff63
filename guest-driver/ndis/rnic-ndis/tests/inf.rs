//! The package's INF, against the driver and the specification.

use std::collections::{BTreeMap, BTreeSet};

use rnic_ndis::adapter::settings::KEYWORDS;

const INF: &str = include_str!("../package/rnic.inf");

/// An INF file: lines of each section, split at commas and the first equals sign, with strings expanded.
struct Inf {
    sections: BTreeMap<String, Vec<Line>>,
}

struct Line {
    /// Left of the equals sign, if there is one.
    key: String,
    values: Vec<String>,
}

/// Splits at commas outside quotes; quotes are dropped.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// Cuts a comment off: a semicolon outside quotes.
fn uncomment(line: &str) -> &str {
    let mut quoted = false;
    let end = line.find(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    line[..end.unwrap_or(line.len())].trim()
}

impl Inf {
    fn parse(text: &str) -> Result<Self, String> {
        let mut sections: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        let mut current = None;
        for line in text.lines().map(uncomment).filter(|line| !line.is_empty()) {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                if sections.insert(name.to_owned(), Vec::new()).is_some() {
                    return Err(format!("section {name} is there twice"));
                }
                current = Some(name.to_owned());
                continue;
            }
            let section = current.as_ref().ok_or("a line before any section")?;
            let quote = line.find('"').unwrap_or(line.len());
            let (key, values) = match line.find('=').filter(|at| *at < quote) {
                Some(at) => (line[..at].trim(), &line[at + 1..]),
                None => ("", line),
            };
            sections.get_mut(section).unwrap().push(Line {
                key: key.to_owned(),
                values: split(values),
            });
        }
        let mut inf = Self { sections };
        inf.expand()?;
        Ok(inf)
    }

    /// Replaces `%name%` by its string, and `%%` by a percent sign; `%13%` and the like are folders, and stay.
    fn expand(&mut self) -> Result<(), String> {
        let strings: BTreeMap<String, String> = self
            .section("Strings")?
            .iter()
            .map(|line| (line.key.clone(), line.values[0].clone()))
            .collect();
        let mut used = BTreeSet::new();
        for line in self.sections.values_mut().flatten() {
            for text in line.values.iter_mut().chain([&mut line.key]) {
                let pieces: Vec<&str> = text.split('%').collect();
                if pieces.len().is_multiple_of(2) {
                    return Err(format!("odd percent signs: {text}"));
                }
                let mut out = String::new();
                for (n, piece) in pieces.iter().enumerate() {
                    if n.is_multiple_of(2) {
                        out += piece;
                    } else if piece.is_empty() {
                        out.push('%');
                    } else if piece.parse::<u32>().is_ok() {
                        out += &format!("%{piece}%");
                    } else {
                        out += strings
                            .get(*piece)
                            .ok_or_else(|| format!("string {piece} is not defined"))?;
                        used.insert((*piece).to_owned());
                    }
                }
                *text = out;
            }
        }
        let unused: Vec<_> = strings
            .keys()
            .filter(|name| !used.contains(*name))
            .collect();
        if unused.is_empty() {
            Ok(())
        } else {
            Err(format!("strings that nothing uses: {unused:?}"))
        }
    }

    fn section(&self, name: &str) -> Result<&[Line], String> {
        self.sections
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| format!("section {name} is missing"))
    }

    fn value(&self, section: &str, key: &str) -> Result<&str, String> {
        self.section(section)?
            .iter()
            .find(|line| line.key == key)
            .map(|line| line.values[0].as_str())
            .ok_or_else(|| format!("{section} has no {key}"))
    }

    /// Sections that a directive of a section names.
    fn named(&self, section: &str, directive: &str) -> Result<Vec<String>, String> {
        Ok(self
            .section(section)?
            .iter()
            .filter(|line| line.key == directive)
            .flat_map(|line| line.values.clone())
            .collect())
    }

    /// Models sections, as the manufacturer names them.
    fn models(&self) -> Result<Vec<String>, String> {
        let line = &self.section("Manufacturer")?[0];
        let (name, targets) = line.values.split_first().ok_or("no manufacturer")?;
        Ok(targets.iter().map(|os| format!("{name}.{os}")).collect())
    }

    /// Everything that the INF names exists: what the INF compiler of the WDK complains about first.
    fn check(&self) -> Result<(), String> {
        for key in [
            "Signature",
            "Class",
            "ClassGUID",
            "Provider",
            "CatalogFile",
            "DriverVer",
        ] {
            self.value("Version", key)?;
        }
        if self.value("Version", "PnpLockdown")? != "1" {
            return Err("PnpLockdown is not 1".into());
        }
        for models in self.models()? {
            for model in self.section(&models)? {
                let install = &model.values[0];
                for part in [install.clone(), format!("{install}.HW")] {
                    for reg in self.named(&part, "AddReg")? {
                        self.section(&reg)?;
                    }
                }
                for files in self.named(install, "CopyFiles")? {
                    self.value("DestinationDirs", &files)?;
                    for file in self.section(&files)? {
                        self.value("SourceDisksFiles", &file.values[0])?;
                    }
                    let folder = self.value("DestinationDirs", &files)?;
                    let services = format!("{install}.Services");
                    let line = &self.section(&services)?[0];
                    let binary = self.value(&line.values[2], "ServiceBinary")?;
                    if binary != format!("%{folder}%\\rnic.sys") {
                        return Err(format!("{binary} is not where {files} is copied to"));
                    }
                    let events = line.values.get(3).ok_or("a service without events")?;
                    for reg in self.named(events, "AddReg")? {
                        self.section(&reg)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// `HKR, Ndi\Params\KEYWORD, NAME, 0, VALUE` of the keywords.
    fn parameters(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for line in &self.sections["Rnic_Keywords"] {
            let Some(path) = line.values[1].strip_prefix("Ndi\\Params\\") else {
                continue;
            };
            let (keyword, prefix) = match path.strip_suffix("\\Enum") {
                Some(keyword) => (keyword, "Enum "),
                None => (path, ""),
            };
            let name = format!("{prefix}{}", line.values[2]);
            let old = all
                .entry(keyword.to_owned())
                .or_default()
                .insert(name.clone(), line.values[4].clone());
            assert_eq!(old, None, "{keyword} has {name} twice");
        }
        all
    }
}

fn inf() -> Inf {
    Inf::parse(INF).unwrap()
}

#[test]
fn everything_that_is_named_exists() {
    inf().check().unwrap();
}

#[test]
fn the_checker_finds_what_is_broken() {
    for (from, to, complaint) in [
        (
            "[Rnic_Messages]",
            "[Rnic_Massages]",
            "Rnic_Messages is missing",
        ),
        ("RoCEv2 = \"RoCEv2\"", "", "RoCEv2 is not defined"),
        (
            "[Rnic_EventSource]",
            "[Rnic_EvilSource]",
            "Rnic_EventSource is missing",
        ),
        ("rnic.sys = 1", "other.sys = 1", "has no rnic.sys"),
        ("Rnic_Files       = 13", "Rnic_Files = 12", "is not where"),
        ("PnpLockdown = 1", "PnpLockdown = 0", "PnpLockdown"),
        (
            "VLAN = \"VLAN enabled\"",
            "VLAN = \"VLAN\"\nSpare = \"x\"",
            "Spare",
        ),
    ] {
        assert!(INF.contains(from), "{from}");
        let broken = INF.replacen(from, to, 1);
        let found = Inf::parse(&broken).and_then(|inf| inf.check()).unwrap_err();
        assert!(found.contains(complaint), "{complaint}: {found}");
    }
}

/// AddService's event log section: without the file of messages the event viewer shows numbers. NDIS' messages are Windows'.
#[test]
fn events_have_texts() {
    let inf = inf();
    let source = inf.section("Rnic_EventSource").unwrap();
    let says = |name: &str| {
        let line = source.iter().find(|line| line.values[2] == name);
        line.map(|line| line.values[3..].join(" ")).unwrap()
    };
    // REG_EXPAND_SZ; REG_DWORD: errors, warnings, information.
    assert_eq!(
        says("EventMessageFile"),
        r"0x00020000 %SystemRoot%\System32\netevent.dll"
    );
    assert_eq!(says("TypesSupported"), "0x00010001 7");
}

#[test]
fn keywords_are_those_that_the_driver_reads() {
    let parameters = inf().parameters();
    let names: BTreeSet<_> = parameters.keys().map(String::as_str).collect();
    let read = KEYWORDS.iter().map(|keyword| keyword.name);
    assert_eq!(names, read.chain([RSS_PROFILE]).collect());
    for keyword in KEYWORDS {
        let says = &parameters[keyword.name];
        let number = |name: &str| says[name].parse::<u32>().unwrap();
        assert_eq!(number("Default"), keyword.default, "{}", keyword.name);
        if says["Type"] == "enum" {
            let choices: Vec<u32> = says
                .keys()
                .filter_map(|name| name.strip_prefix("Enum "))
                .map(|value| value.parse().unwrap())
                .collect();
            assert!(choices.contains(&keyword.default), "{}", keyword.name);
            for choice in choices {
                let allowed = keyword.min..=keyword.max;
                assert!(allowed.contains(&choice), "{} {choice}", keyword.name);
            }
        } else {
            assert_eq!(says["Type"], "int");
            assert_eq!((number("Min"), number("Max")), (keyword.min, keyword.max));
        }
        let inf = inf();
        let set = inf.sections["Rnic_Keywords"]
            .iter()
            .find(|line| line.values[1].is_empty() && line.values[2] == keyword.name);
        assert_eq!(
            set.map(|line| line.values[4].clone()),
            Some(keyword.default.to_string()),
            "{} is not set at installation",
            keyword.name
        );
    }
}

/// A keyword that NDIS reads, and no driver.
const RSS_PROFILE: &str = "*RSSProfile";

/// "Standardized INF keywords for RSS" in Microsoft's documentation: five profiles, of which the fourth is the default.
#[test]
fn the_profile_of_rss_has_its_documented_values() {
    let inf = inf();
    let says = &inf.parameters()[RSS_PROFILE];
    let choices = says.keys().filter_map(|name| name.strip_prefix("Enum "));
    assert_eq!(choices.collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    assert_eq!((&*says["Type"], &*says["Default"]), ("enum", "4"));
    let lines = inf.sections["Rnic_Keywords"].iter();
    let set: Vec<_> = lines
        .filter(|line| line.values[1].is_empty() && line.values[2] == RSS_PROFILE)
        .map(|line| &*line.values[4])
        .collect();
    assert_eq!(set, ["4"]);
}

/// Elements 105 to 107 of the list of NDK: the keywords with their documented values.
#[test]
fn network_direct_keywords_have_their_documented_values() {
    let parameters = inf().parameters();
    let choices = |keyword: &str| -> Vec<String> {
        parameters[keyword]
            .keys()
            .filter_map(|name| name.strip_prefix("Enum "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(choices("*NetworkDirect"), ["0", "1"]);
    // NDK_RDMA_TECHNOLOGY: RoCEv2, and no other that the device does not speak.
    assert_eq!(choices("*NetworkDirectTechnology"), ["4"]);
    let sizes = choices("*NetworkDirectRoCEFrameSize");
    assert_eq!(sizes, ["1024", "2048", "256", "4096", "512"]);
    let inf = inf();
    let upper = inf.sections["Rnic_Reg"]
        .iter()
        .find(|line| line.values[2] == "UpperRange");
    assert_eq!(upper.unwrap().values[4], "ndis5");
}

#[test]
fn messages_are_asked_for() {
    let inf = inf();
    let value = |name: &str| {
        inf.sections["Rnic_Messages"]
            .iter()
            .find(|line| line.values[2] == name)
            .map(|line| line.values[4].clone())
    };
    assert_eq!(value("MSISupported").as_deref(), Some("1"));
    // IrqPolicySpreadMessagesAcrossAllProcessors.
    assert_eq!(value("DevicePolicy").as_deref(), Some("5"));
    let limit: u32 = value("MessageNumberLimit").unwrap().parse().unwrap();
    assert_eq!(limit, 1 + rnic_ndis::engine::MAX_VECTORS);
}

#[test]
fn the_hardware_is_the_specification_s() {
    let id = format!(
        "PCI\\VEN_{:04X}&DEV_{:04X}",
        rnic_abi::interface::VENDOR_ID,
        rnic_abi::interface::DEVICE_ID
    );
    let inf = inf();
    let models = inf.models().unwrap();
    assert_eq!(models.len(), 2, "one for each way to place the driver");
    for model in models {
        assert_eq!(inf.section(&model).unwrap()[0].values[1], id);
    }
}

#[test]
fn the_version_is_cargo_s() {
    let version = concat!(env!("CARGO_PKG_VERSION"), ".0");
    let inf = inf();
    let line = inf.section("Version").unwrap();
    let line = line.iter().find(|line| line.key == "DriverVer").unwrap();
    assert_eq!(line.values[1], version);
}
