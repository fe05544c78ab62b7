//! The fuzz targets (`fuzz/`) on the ordinary compiler: their corpus, the templates of the other tests, and a bounded number of
//! mutations of both. The mutations are the same in every run. `PAYCTL_FUZZ_ROUNDS` makes more of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/targets.rs"]
mod targets;

/// Random numbers that are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit.max(1)
    }
}

/// All files below a folder, sorted.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut paths: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => paths.push(path),
            }
        }
    }
    paths.sort();
    let texts = paths
        .iter()
        .filter(|path| path.extension().is_none_or(|kind| kind != "toml"));
    texts
        .map(|path| std::fs::read(path).expect("a file"))
        .collect()
}

/// One to four changes of the kinds that a hand or a cable makes: bits, cuts, lines and stretches that move, words of the language.
fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    const WORDS: [&str; 28] = [
        "!Ref ",
        "!Sub ",
        "!GetAtt ",
        "!If [",
        "Fn::ForEach::",
        "Fn::Join",
        "AWS::NoValue",
        "&a ",
        "*a",
        "<<: *a",
        "- ",
        ": ",
        "\n",
        "\t",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "${",
        "|",
        ">-",
        "? ",
        "\u{feff}",
        "é",
        "{{resolve:ssm:x}}",
        "99999999999999999999",
    ];
    let mut data = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(data.len());
        let length = dice.below(80).min(data.len().saturating_sub(at));
        match dice.below(8) {
            0 if !data.is_empty() => data[at] ^= 1 << dice.below(8),
            1 => data.truncate(at),
            2 => drop(data.drain(at..at + length)),
            3 => {
                let stretch = data[at..at + length].to_vec();
                let to = dice.below(data.len());
                data.splice(to..to, stretch);
            }
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len());
                let stretch = other[from..(from + 200).min(other.len())].to_vec();
                data.splice(at..at, stretch);
            }
            5 => {
                let mut lines: Vec<Vec<u8>> = data
                    .split(|byte| *byte == b'\n')
                    .map(<[u8]>::to_vec)
                    .collect();
                let (one, two) = (dice.below(lines.len()), dice.below(lines.len()));
                lines.swap(one, two);
                data = lines.join(&b'\n');
            }
            6 => {
                let indent = vec![b' '; dice.below(5)];
                let start = data[..at]
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |end| end + 1);
                data.splice(start..start, indent);
            }
            _ => {
                let word = WORDS[dice.below(WORDS.len())];
                data.splice(at..at, word.bytes());
            }
        }
    }
    data
}

fn rounds(fewest: usize) -> usize {
    let asked = std::env::var("PAYCTL_FUZZ_ROUNDS").ok();
    asked
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(fewest)
}

/// Runs a target on a stack as small as a worker thread's; shows the input that it fails with.
fn run(target: fn(&[u8]), seeds: Vec<Vec<u8>>, rounds: usize) {
    assert!(seeds.len() > 3, "the corpus is there");
    let all = move || {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let try_one = |data: &[u8]| {
            if catch_unwind(AssertUnwindSafe(|| target(data))).is_err() {
                panic!("fails with:\n{}", String::from_utf8_lossy(data));
            }
        };
        seeds.iter().for_each(|seed| try_one(seed));
        for _ in 0..rounds {
            try_one(&mutated(&seeds, &mut dice));
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(all);
    if thread.expect("a thread").join().is_err() {
        panic!("see above");
    }
}

#[test]
fn templates() {
    let seeds = [
        files("fuzz/corpus/template"),
        files("tests/e2e/templates"),
        files("platforms"),
    ]
    .concat();
    run(targets::template, seeds, rounds(400));
}

#[test]
fn comparisons() {
    run(
        targets::compare,
        files("fuzz/corpus/compare"),
        rounds(3_000),
    );
}

#[test]
fn answers_and_requests() {
    run(targets::api, files("fuzz/corpus/api"), rounds(3_000));
}
