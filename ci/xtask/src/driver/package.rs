//! The package: driver, INF, catalogue; signed for tests where the programs for that are installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::catalog::{Member, catalog};
use crate::exec;

/// Makes `folder` from a built driver. Says what it did.
pub fn make(image: &Path, symbols: &Path, inf: &str, folder: &Path) -> Result<String> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let (driver, list) = (folder.join("rnic.sys"), folder.join("rnic.cat"));
    fs::copy(symbols, folder.join("rnic.pdb")).context("the symbols")?;
    fs::write(folder.join("rnic.inf"), inf)?;
    let version = value(inf, "DriverVer")?;
    let members = [
        Member {
            name: "rnic.inf",
            bytes: inf.as_bytes(),
        },
        Member {
            name: "rnic.sys",
            bytes: &fs::read(image)?,
        },
    ];
    let der = catalog(&members, hardware(inf)?, &date(version)?)?;
    let missing: Vec<_> = ["openssl", "osslsigncode"]
        .into_iter()
        .filter(|program| exec::find(program).is_none())
        .collect();
    if !missing.is_empty() {
        fs::copy(image, &driver)?;
        fs::write(&list, der)?;
        return Ok(format!(
            "package with catalogue, not signed: {} not installed",
            missing.join(" and ")
        ));
    }
    let unsigned = tempfile::tempdir()?;
    let raw = unsigned.path().join("rnic.cat");
    fs::write(&raw, der)?;
    let key = unsigned.path().join("key.pem");
    let certificate = folder.join("test.cer");
    exec::output(
        Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
            ])
            .args(["-subj", "/CN=rnic test signing", "-sha256"])
            .args(["-addext", "extendedKeyUsage=codeSigning"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate),
    )?;
    sign(&key, &certificate, image, &driver, &["-ph"])?;
    sign(&key, &certificate, &raw, &list, &[])?;
    let verified = exec::output(
        Command::new("osslsigncode")
            .args(["verify", "-CAfile"])
            .arg(&certificate)
            .arg("-catalog")
            .arg(&list)
            .arg("-in")
            .arg(&driver),
    )
    .context("the catalogue does not vouch for the driver")?;
    ensure!(
        verified.contains("Succeeded"),
        "osslsigncode does not say that it succeeded:\n{verified}"
    );
    Ok("package with catalogue, signed by a new test certificate, verified".into())
}

fn sign(key: &Path, certificate: &Path, from: &Path, to: &Path, more: &[&str]) -> Result<()> {
    exec::output(
        Command::new("osslsigncode")
            .args(["sign", "-h", "sha256"])
            .args(more)
            .arg("-certs")
            .arg(certificate)
            .arg("-key")
            .arg(key)
            .arg("-in")
            .arg(from)
            .arg("-out")
            .arg(to),
    )
    .map(drop)
    .with_context(|| format!("{} could not be signed", from.display()))
}

/// `key = value` of the INF.
fn value<'a>(inf: &'a str, key: &str) -> Result<&'a str> {
    inf.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
        .with_context(|| format!("the INF has no {key}"))
}

/// The hardware id that the models name.
fn hardware(inf: &str) -> Result<&str> {
    inf.lines()
        .find_map(|line| line.find("PCI\\").map(|at| line[at..].trim()))
        .context("the INF names no hardware")
}

/// MM/DD/YYYY,version as YYMMDD.
fn date(version: &str) -> Result<String> {
    let parts: Vec<&str> = version.split(['/', ',']).collect();
    let [month, day, year, _] = parts.as_slice() else {
        anyhow::bail!("DriverVer `{version}` is not MM/DD/YYYY,a.b.c.d");
    };
    let short = year.get(2..).context("a year of four digits")?;
    Ok(format!("{short}{month}{day}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_ids_are_read_from_the_inf() {
        assert_eq!(date("11/28/2026,0.1.0.0").unwrap(), "261128");
        assert!(date("today").is_err());
        let inf = "DriverVer   = 11/28/2026,0.1.0.0\n%D% = Install, PCI\\VEN_1D1D&DEV_524E\n";
        assert_eq!(value(inf, "DriverVer").unwrap(), "11/28/2026,0.1.0.0");
        assert_eq!(hardware(inf).unwrap(), "PCI\\VEN_1D1D&DEV_524E");
    }
}
