//! The picture of the panel in the README, drawn from a real one: `YOI_UPDATE=1 cargo test --test picture` draws it anew.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::scene::{COMPLETE, INCOMPLETE};
use common::screen::Screen;
use common::{TestEnv, fake_acp, run};
use vt100::{Cell, Color};

const PICTURE: &str = "docs/panel.svg";
const COLUMNS: u16 = 132;
const ROWS: u16 = 22;
/// The size of a cell, and what is left free around the screen.
const CELL: (f32, f32) = (8.4, 19.0);
const MARGIN: f32 = 14.0;
/// The colours of a dark terminal: the eight, and the same bright; ink and paper.
const PALETTE: [&str; 16] = [
    "#45475a", "#f38ba8", "#a6e3a1", "#f9e2af", "#89b4fa", "#cba6f7", "#94e2d5", "#bac2de", "#6c7086", "#f38ba8",
    "#a6e3a1", "#f9e2af", "#89b4fa", "#cba6f7", "#94e2d5", "#f5f5f5",
];
const INK: &str = "#cdd6f4";
const PAPER: &str = "#1e1e2e";

/// Tickets in several states, and what Pods there are on a day of work.
fn scene() -> TestEnv {
    let env = TestEnv::with_sample().with_clock("2026-01-18T11:42:00Z");
    let add = |id: &str, title: &str, state: &str, at: &str| {
        let dir = env.workspace().join(".yoi/tickets").join(id);
        fs::create_dir_all(&dir).unwrap();
        let front = format!("title: '{title}'\nstate: '{state}'\ncreated_at: '{at}'\nupdated_at: '{at}'");
        fs::write(dir.join("item.md"), format!("---\n{front}\n---\n\n## Goal\n\n{title}.\n")).unwrap();
        fs::write(dir.join("thread.md"), "").unwrap();
    };
    add("20260117-164810-001", "Resume an upload where it stopped", "queued", "2026-01-17T16:48:10Z");
    add("20260117-171502-001", "Say which file failed", "ready", "2026-01-17T17:15:02Z");
    add("20260118-090105-001", "Upload two files at once", "inprogress", "2026-01-18T09:01:05Z");
    run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
    env.wait_for_processes();
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    run(&mut env.yoi_claim(["claim-commit", "20260117-171502-001", "--pod", "mira", "--role", "coder"]), 0);
    let script = env.root().join("script");
    let plays = format!("plays={}", script.display());
    let profile = format!("[profiles.agent]\nagent = \"acp\"\ncommand = [{:?}, {plays:?}]\n", fake_acp::program());
    fs::write(env.workspace().join(".yoi/profiles.toml"), profile).unwrap();
    env.configure("coder", "project:agent");
    let plays = "@say Both uploads share one connection now. I run the tests.\n\
                 @ask execute allow_once,reject_once cargo test upload\n";
    fs::write(script, plays).unwrap();
    run(&mut env.yoi(["-q", "launch", "coder", "20260118-090105-001"]), 0);
    env
}

#[test]
fn the_picture_in_the_readme_is_of_this_panel() {
    let env = scene();
    let mut screen = Screen::panel(&env, COLUMNS, ROWS);
    screen.wait_for_row("20260118-090105-001", "running, asks");
    screen.press("g");
    screen.wait_for("cargo test upload");
    let drawn = text_at_a_fixed_moment(&svg(&screen));
    screen.leave();
    run(&mut env.yoi(["-q", "stop", "--now", "coder-20260118-090105-001"]), 0);
    env.stop(&format!("intake-{INCOMPLETE}"));
    env.wait_for_processes();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
    if std::env::var_os("YOI_UPDATE").is_some() {
        fs::write(file, drawn).unwrap();
    } else {
        assert!(fs::read_to_string(file).unwrap() == drawn, "{PICTURE} is another: YOI_UPDATE=1 draws it anew");
    }
}

/// The host has a clock of its own, which stands beside who speaks.
fn text_at_a_fixed_moment(svg: &str) -> String {
    const MOMENT: &str = "2026-01-18 11:41";
    let mut pieces = svg.split(" — 20");
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |text, piece| text + " — " + MOMENT + &piece[MOMENT.len() - 2..])
}

/// What a run of cells looks like.
#[derive(PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (mut ink, mut paper) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        if cell.inverse() {
            (ink, paper) = (paper.or(Some(PAPER.to_owned())), ink.or(Some(INK.to_owned())));
        }
        let faint = if cell.dim() { "#7f849c" } else { INK };
        Self { ink: ink.unwrap_or_else(|| faint.to_owned()), paper, bold: cell.bold() }
    }
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(number) => PALETTE.get(usize::from(number)).map(|colour| (*colour).to_owned()),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// Draws a screen: of each row the runs of cells that look alike.
fn svg(screen: &Screen) -> String {
    let (width, height) = (f32::from(COLUMNS) * CELL.0 + 2.0 * MARGIN, f32::from(ROWS) * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\">\n\
         <title>yoi panel: tickets, who works on them, and what one agent asks</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let look = Look::of(screen.state().cell(row, column).unwrap());
            let (start, mut text) = (column, String::new());
            while let Some(cell) = screen.state().cell(row, column).filter(|cell| Look::of(cell) == look) {
                text.push_str(if cell.has_contents() || cell.is_wide_continuation() { cell.contents() } else { " " });
                column += 1;
            }
            draw(&mut svg, &look, &text, (start, column), row);
        }
    }
    svg + "</g>\n</svg>\n"
}

fn draw(svg: &mut String, look: &Look, text: &str, (start, end): (u16, u16), row: u16) {
    let (x, y) = (MARGIN + f32::from(start) * CELL.0, MARGIN + f32::from(row) * CELL.1);
    let wide = f32::from(end - start) * CELL.0;
    if let Some(paper) = &look.paper {
        writeln!(svg, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{paper}\"/>", CELL.1)
            .unwrap();
    }
    let shown = text.trim_end();
    if shown.is_empty() {
        return;
    }
    let wide = shown.chars().count() as f32 * CELL.0;
    let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
    let shown = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (ink, y) = (&look.ink, y + 14.5);
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{wide:.1}\" fill=\"{ink}\"{weight}>{shown}</text>")
        .unwrap();
}
