//! SMB Direct: `nt-host smb`, which drives rnic.sys, against Linux' ksmbd with Soft-RoCE.
//!
//! ksmbd speaks SMB Direct in a User Mode Linux peer alone: Debian's own kernels are built without.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::bench::Case;
use super::smb_page;
use crate::daemon::{Daemon, Options};
use crate::exec::{self, tied_to_us};
use crate::guest::{Guest, Running};
use crate::setup::guest_files::SMB_PEER;
use crate::setup::uml;
use crate::tiers::counts::Counts;
use crate::{check, daemon, driver, peer, workspace};

/// Longest life of the server.
const LIFE: Duration = Duration::from_secs(1800);
/// Longest that one run of the client may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// Sizes of files: within a message, at its edges, over pages and regions, longer than a transfer.
const SIZES: [usize; 9] = [
    1,
    1339,
    4095,
    4096,
    65_537,
    1 << 20,
    (2 << 20) + 1,
    8 << 20,
    (8 << 20) + 12_345,
];
/// Sizes for the short part.
const FEW: [usize; 3] = [1, 65_537, (8 << 20) + 12_345];

/// What is run, and what it is called in the table.
pub struct Row {
    pub name: &'static str,
    act: fn(&mut Bench, Case) -> Result<()>,
}

const fn row(name: &'static str, act: fn(&mut Bench, Case) -> Result<()>) -> Row {
    Row { name, act }
}

/// All rows.
const ROWS: &[Row] = &[
    row("files written, channel V1", |b, c| {
        writes(b, c, "v1", &SIZES)
    }),
    row("files written, channel V1_INVALIDATE", |b, c| {
        writes(b, c, "v1-invalidate", &SIZES)
    }),
    row("files written inside messages", |b, c| {
        writes(b, c, "inline", &SIZES)
    }),
    row("files read, channel V1", |b, c| reads(b, c, "v1", &SIZES)),
    row("files read, channel V1_INVALIDATE", |b, c| {
        reads(b, c, "v1-invalidate", &SIZES)
    }),
    row("files read inside messages", |b, c| {
        reads(b, c, "inline", &SIZES)
    }),
    row("folder listed, file deleted", lists),
    row("connected again and again", connects_again),
    row("wrong password, share, file", refusals),
    row("server ends the connection", server_stops),
    // Nothing comes after it.
    row("kill -9 of the server", kill),
];

/// ksmbd listens for SMB Direct at 0.0.0.0 alone, and librdmacm's IPv4 listeners take IPv4 only.
const CASE: Case = Case { v6: false };

/// The rows of tier 7.
const SHORT: &[Row] = &[
    row("files written, channel V1", |b, c| writes(b, c, "v1", &FEW)),
    row("files read, channel V1_INVALIDATE", |b, c| {
        reads(b, c, "v1-invalidate", &FEW)
    }),
];

/// A share, and a device that reaches it.
struct Bench {
    client: PathBuf,
    path_mtu: u32,
    driver: PathBuf,
    daemon: Daemon,
    peer: Option<Running>,
    folder: tempfile::TempDir,
}

/// What runs beside the peer.
struct Tools {
    client: PathBuf,
    driver: PathBuf,
    rnic: PathBuf,
}

impl Tools {
    fn build() -> Result<Self> {
        Ok(Self {
            client: build_client()?,
            driver: driver::build(&workspace::target().join("driver"))?.image,
            rnic: daemon::build_for_tests()?,
        })
    }
}

/// nt-host as tests run it.
pub(super) fn build_client() -> Result<PathBuf> {
    let mut command = check::cargo();
    command
        .current_dir(workspace::root().join("guest-driver/nt-host"))
        .env("CARGO_TARGET_DIR", workspace::target())
        .args(["build", "--quiet", "--locked", "--bin", "nt-host"]);
    exec::output(&mut command).context("nt-host could not be built")?;
    Ok(workspace::target().join("debug/nt-host"))
}

impl Bench {
    fn start(tools: &Tools, kernel: &Path, (mtu, path_mtu): (u32, u32)) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for sockets")?;
        let (ours, theirs) = (folder.path().join("rnic"), folder.path().join("peer"));
        let port = format!(
            "dgram,local={},remote={},mtu={mtu}",
            ours.display(),
            theirs.display()
        );
        let daemon = Daemon::start(
            &tools.rnic,
            &Options {
                name: "smb",
                devices: 1,
                each: "",
                arguments: &["--port", &port],
            },
        )?;
        let mut peer = Guest::commanded_peer("smb", SMB_PEER, Some(kernel), (&theirs, &ours))?
            .mtu(mtu)
            .timeout(LIFE)
            .start()?;
        peer.ready()?;
        let mut bench = Self {
            client: tools.client.clone(),
            path_mtu,
            driver: tools.driver.clone(),
            daemon,
            peer: Some(peer),
            folder,
        };
        bench.peer(&peer::up(mtu))?;
        bench.peer("share share bob secret")?;
        Ok(bench)
    }

    /// Runs a command in the peer; an error unless it succeeds.
    fn peer(&mut self, command: &str) -> Result<Vec<String>> {
        let peer = self.peer.as_mut().context("the server was killed")?;
        let (code, words) = peer.command(command)?;
        ensure!(
            code == 0,
            "the server's `{command}` ended with {code}:\n{}",
            words.join("\n")
        );
        Ok(words)
    }

    /// The client with these arguments, not started. Later ones take the place of earlier ones.
    fn client(&self, case: Case, options: &[&str], act: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        command
            .arg("smb")
            .arg(&self.driver)
            .arg("--device")
            .arg(self.daemon.socket("a"))
            .args(["--path-mtu", &self.path_mtu.to_string()])
            .args(["--address", case.ours_with_prefix()])
            .args(["--server", case.theirs(), "--user", "bob"]);
        for (name, value) in [("--share", "share"), ("--password", "secret")] {
            if !options.contains(&name) {
                command.args([name, value]);
            }
        }
        command.args(options).args(act);
        command
    }

    /// Runs the client to a good end; what it said.
    fn runs(&self, case: Case, options: &[&str], act: &[&str]) -> Result<String> {
        let mut run = Client::start(self.client(case, options, act))?;
        let (well, words) = run.end()?;
        ensure!(well, "nt-host smb {} failed:\n{words}", act.join(" "));
        Ok(words)
    }

    /// Runs the client to a bad end, of which it says this.
    fn refused(&self, case: Case, options: &[&str], act: &[&str], why: &str) -> Result<()> {
        let mut run = Client::start(self.client(case, options, act))?;
        let (well, words) = run.end()?;
        ensure!(
            !well && words.contains(why),
            "nt-host smb {} did not fail saying `{why}`:\n{words}",
            act.join(" ")
        );
        Ok(())
    }

    /// Has the peer do this in the folder that it shares; what it said.
    fn in_share(&mut self, command: &str) -> Result<Vec<String>> {
        self.peer(&format!("(cd /tmp/share && {command})"))
    }

    /// Checksums of files of the share, as the server sees them.
    fn checksums(&mut self, names: &[String]) -> Result<Vec<String>> {
        let words = self.in_share(&format!("sha256sum {}", names.join(" ")))?;
        let sums = sums_of(&words, names);
        ensure!(
            sums.len() == names.len(),
            "{} checksums of {} files",
            sums.len(),
            names.len()
        );
        Ok(sums)
    }
}

/// What `sha256sum` said of these files, in this order, among what the kernel says on the same console.
fn sums_of(words: &[String], names: &[String]) -> Vec<String> {
    let sum = |name: &String| {
        words.iter().find_map(|line| {
            let (sum, file) = line.trim_end().split_once("  ")?;
            let whole = sum.len() == 64 && sum.bytes().all(|c| c.is_ascii_hexdigit());
            (whole && file == name).then(|| sum.to_owned())
        })
    };
    names.iter().filter_map(sum).collect()
}

/// A running client. Dropped, it is killed.
struct Client {
    child: Child,
    lines: Receiver<String>,
    said: String,
    start: Instant,
}

impl Client {
    fn start(command: Command) -> Result<Self> {
        let mut child = tied_to_us(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start nt-host")?;
        let (to, lines) = channel();
        let pipes: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().context("no pipe")?),
            Box::new(child.stderr.take().context("no pipe")?),
        ];
        for pipe in pipes {
            let to = to.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(pipe).lines().map_while(Result::ok);
                for line in lines {
                    if to.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self {
            child,
            lines,
            said: String::new(),
            start: Instant::now(),
        })
    }

    /// The next line; none at the end.
    fn line(&mut self) -> Result<Option<String>> {
        match self
            .lines
            .recv_timeout(PATIENCE.saturating_sub(self.start.elapsed()))
        {
            Ok(line) => {
                self.said += &line;
                self.said.push('\n');
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = PATIENCE.as_secs();
                bail!("nt-host hangs: no end after {seconds} s\n{}", self.said)
            }
        }
    }

    fn wait_for(&mut self, text: &str) -> Result<()> {
        while let Some(line) = self.line()? {
            if line.contains(text) {
                return Ok(());
            }
        }
        bail!("nt-host ended without saying `{text}`:\n{}", self.said)
    }

    /// Waits for the end: whether it was good, and all that it said.
    fn end(&mut self) -> Result<(bool, String)> {
        while self.line()?.is_some() {}
        let status = self.child.wait()?;
        Ok((status.success(), self.said.clone()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Bytes that are nowhere alike.
fn content(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        // xorshift64* (Vigna, 2016).
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    };
    let words = std::iter::repeat_with(next).flat_map(u64::to_le_bytes);
    words.take(size).collect()
}

/// How a line of the client begins that says a file's checksum.
fn line(name: &str, size: usize, checksum: &str) -> String {
    format!("{name}: {size} bytes, SHA-256 {checksum},")
}

/// That memory was lent the way that was asked for, and that the server took back what it was to.
fn lent(words: &str, way: &str, sizes: &[usize]) -> Result<()> {
    let counted = words
        .lines()
        .find(|line| line.starts_with("SMB Direct: "))
        .context("no line of counts")?;
    let number = |before: &str| -> Result<u64> {
        let text = counted.split(before).next().unwrap_or_default();
        let last = text.split_whitespace().last().unwrap_or_default();
        last.parse()
            .with_context(|| format!("no number before `{before}` in: {counted}"))
    };
    let registered = number(" regions registered")?;
    let remote = number(" invalidated by the server")?;
    let local = number(" by us")?;
    let (none, all) = match way {
        "v1" => (remote, local),
        "v1-invalidate" => (0, remote + local),
        _ => (registered, 0),
    };
    ensure!(
        none == 0 && all == if way == "inline" { 0 } else { registered },
        "not as {way} asks: {counted}"
    );
    if way != "inline" {
        ensure!(
            registered >= sizes.len() as u64,
            "not every file went by RDMA: {counted}"
        );
    }
    if way == "v1-invalidate" {
        ensure!(
            remote >= sizes.len() as u64,
            "the server did not invalidate: {counted}"
        );
    }
    Ok(())
}

fn writes(bench: &mut Bench, case: Case, way: &str, sizes: &[usize]) -> Result<()> {
    let folder = bench.folder.path().join("out");
    std::fs::create_dir_all(&folder)?;
    let name = |size: &usize| format!("{way}-{size}");
    let names: Vec<String> = sizes.iter().map(name).collect();
    let paths: Vec<String> = names
        .iter()
        .map(|name| folder.join(name).display().to_string())
        .collect();
    for (index, (path, size)) in paths.iter().zip(sizes).enumerate() {
        std::fs::write(path, content(*size, index as u64 + 1))?;
    }
    let mut act = vec!["put"];
    act.extend(paths.iter().map(String::as_str));
    let words = bench.runs(case, &["--way", way, "--strict"], &act)?;
    lent(&words, way, sizes)?;
    let sums = bench.checksums(&names)?;
    for ((name, size), sum) in names.iter().zip(sizes).zip(&sums) {
        let wanted = line(name, *size, sum);
        ensure!(
            words.contains(&wanted),
            "the server has another {name}: `{wanted}` is not said in\n{words}"
        );
    }
    bench.in_share(&format!("rm {}", names.join(" ")))?;
    Ok(())
}

fn reads(bench: &mut Bench, case: Case, way: &str, sizes: &[usize]) -> Result<()> {
    let name = |size: &usize| format!("made-{size}");
    let names: Vec<String> = sizes.iter().map(name).collect();
    for (name, size) in names.iter().zip(sizes) {
        bench.in_share(&format!("head -c {size} /dev/urandom >{name}"))?;
    }
    let sums = bench.checksums(&names)?;
    let mut act = vec!["get"];
    act.extend(names.iter().map(String::as_str));
    let folder = bench.folder.path().join("in");
    std::fs::create_dir_all(&folder)?;
    let shown = folder.display().to_string();
    act.extend(["--into", &shown]);
    let words = bench.runs(case, &["--way", way, "--strict"], &act)?;
    lent(&words, way, sizes)?;
    for ((name, size), sum) in names.iter().zip(sizes).zip(&sums) {
        let wanted = line(name, *size, sum);
        ensure!(
            words.contains(&wanted),
            "{name} came changed: `{wanted}` is not said in\n{words}"
        );
        let length = std::fs::metadata(folder.join(name))?.len();
        ensure!(
            length == *size as u64,
            "{name} has {length} bytes on the disk"
        );
    }
    bench.in_share(&format!("rm {}", names.join(" ")))?;
    Ok(())
}

fn lists(bench: &mut Bench, case: Case) -> Result<()> {
    bench.in_share("mkdir -p a/b && echo hello >a/file && chmod -R 777 a")?;
    let words = bench.runs(case, &[], &["ls", "a"])?;
    for wanted in ["folder              0 b", "file                6 file"] {
        ensure!(words.contains(wanted), "no `{wanted}` in\n{words}");
    }
    bench.runs(case, &[], &["rm", "a/file"])?;
    bench.in_share("[ ! -e a/file ] && rm -r a")?;
    Ok(())
}

fn connects_again(bench: &mut Bench, case: Case) -> Result<()> {
    bench.in_share("head -c 300000 /dev/urandom >again")?;
    let sum = bench.checksums(&["again".to_owned()])?.remove(0);
    let words = bench.runs(case, &["--times", "3"], &["get", "again"])?;
    let wanted = line("again", 300_000, &sum);
    ensure!(
        words.matches(&wanted).count() == 3,
        "not three times `{wanted}`:\n{words}"
    );
    bench.in_share("rm again").map(drop)
}

fn refusals(bench: &mut Bench, case: Case) -> Result<()> {
    bench.refused(
        case,
        &["--password", "wrong"],
        &["ls"],
        "wrong user or password",
    )?;
    bench.refused(case, &["--share", "none"], &["ls"], "no such share")?;
    bench.refused(case, &[], &["get", "nothing"], "no such file")?;
    // And a good one after all that.
    bench.runs(case, &[], &["ls"]).map(drop)
}

fn server_stops(bench: &mut Bench, case: Case) -> Result<()> {
    let act = ["bench", "--size", "65536", "--rounds", "10000000"];
    let mut run = Client::start(bench.client(case, &["--patience", "30"], &act))?;
    run.wait_for("running")?;
    bench.peer("share_stop")?;
    lost(&mut run)?;
    bench.in_share("rm -f rnic-bench")?;
    bench.peer("share_start")?;
    bench.runs(case, &[], &["ls"]).map(drop)
}

fn kill(bench: &mut Bench, case: Case) -> Result<()> {
    let act = ["bench", "--size", "65536", "--rounds", "10000000"];
    let mut run = Client::start(bench.client(case, &["--patience", "30"], &act))?;
    run.wait_for("running")?;
    // Nothing says goodbye.
    bench.peer = None;
    lost(&mut run)
}

/// That a client ends, and says that its connection is lost; without a breach of the verifier, and with everything closed.
fn lost(run: &mut Client) -> Result<()> {
    let (well, words) = run.end()?;
    let said = [
        "the connection is lost",
        "the server has ended",
        "no answer",
    ];
    ensure!(
        !well && said.iter().any(|text| words.contains(text)) && !words.contains("breach"),
        "the client does not say that the connection is lost:\n{words}"
    );
    Ok(())
}

/// How fast transfers of 8 MiB are, line by line.
fn speeds(bench: &Bench) -> Result<Vec<String>> {
    let words = bench.runs(CASE, &[], &["bench", "--rounds", "5"])?;
    let figures = words.lines().filter(|line| line.contains(" MB/s"));
    Ok(figures.map(str::to_owned).collect())
}

/// What a row came to.
pub struct Outcome {
    pub row: &'static str,
    pub mtu: u32,
    pub result: Result<()>,
}

fn is_wanted(row: &Row, path_mtu: u32) -> bool {
    super::is_wanted(&format!("{}, MTU {path_mtu}", row.name))
}

fn run(
    bench: &mut Bench,
    rows: &'static [Row],
    path_mtu: u32,
    mut tell: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for row in rows {
        if !is_wanted(row, path_mtu) {
            continue;
        }
        let outcome = Outcome {
            row: row.name,
            mtu: path_mtu,
            result: (row.act)(bench, CASE),
        };
        tell(&outcome);
        outcomes.push(outcome);
    }
    outcomes
}

fn count(counts: &mut Counts, outcome: &Outcome) {
    let name = format!("smb: {}, MTU {}", outcome.row, outcome.mtu);
    match &outcome.result {
        Ok(()) => {
            println!("{name} ... ok");
            counts.passed += 1;
        }
        Err(error) => {
            println!("{name} ... FAILED\n{error:#}");
            counts.fail(name);
        }
    }
}

/// A few rows, for tier 7; where no peer's kernel is there, none is built for them.
pub fn short() -> Result<Counts> {
    let mut counts = Counts::default();
    let Some(kernel) = uml::present() else {
        println!(
            "smb: files to and from ksmbd ... skipped: Debian's kernels have no SMB Direct server, and building a User Mode Linux \
             peer takes minutes; `cargo xtask test smb` builds one, RNIC_PEER_KERNEL names one"
        );
        counts.skipped += 1;
        return Ok(counts);
    };
    let (mtu, path_mtu) = super::MTUS[0];
    let mut bench = Bench::start(&Tools::build()?, &kernel, (mtu, path_mtu))?;
    run(&mut bench, SHORT, path_mtu, |outcome| {
        count(&mut counts, outcome);
    });
    bench.daemon.stop()?;
    Ok(counts)
}

/// All rows, and the page.
pub fn all() -> Result<Counts> {
    let any = |path_mtu| ROWS.iter().any(|row| is_wanted(row, path_mtu));
    let mtus = || {
        super::MTUS
            .into_iter()
            .filter(|(_, path_mtu)| any(*path_mtu))
    };
    if mtus().next().is_none() {
        println!("smb: no row is wanted");
        return Ok(Counts::default());
    }
    let kernel = uml::ensure()?;
    let tools = Tools::build()?;
    let mut counts = Counts::default();
    let (mut outcomes, mut measured) = (Vec::new(), Vec::new());
    for (mtu, path_mtu) in mtus() {
        let mut bench = Bench::start(&tools, &kernel, (mtu, path_mtu))?;
        // For the page, which is not written when rows are left out.
        if super::only().is_none() {
            measured.push((path_mtu, speeds(&bench)?));
        }
        outcomes.extend(run(&mut bench, ROWS, path_mtu, |outcome| {
            count(&mut counts, outcome);
        }));
        bench.daemon.stop()?;
    }
    if super::only().is_some() {
        println!("smb: docs/smb-direct.md is left as it is, for rows were left out");
    } else {
        smb_page::write(&outcomes, &measured)?;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::sums_of;

    #[test]
    fn words_of_the_kernel_were_taken_for_checksums() {
        let (a, b) = ("a".repeat(64), "0".repeat(64));
        let console = [
            format!("{b}  two"),
            "[   12.345678] random: crng init done".to_owned(),
            format!("{a}  one\r"),
            "ksmbd: a session ended".to_owned(),
        ];
        let names = ["one".to_owned(), "two".to_owned()];
        assert_eq!(sums_of(&console, &names), [a, b.clone()]);
        let missing = ["one".to_owned(), "three".to_owned()];
        assert_eq!(sums_of(&console[..1], &missing), Vec::<String>::new());
    }
}
