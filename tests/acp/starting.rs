//! What happens before the first turn.

use crate::scene::Stage;

/// A launch that fails; gives what was said. Nothing of it may be left.
#[track_caller]
fn fails(arguments: &[&str], keys: &str) -> String {
    let stage = Stage::set(arguments, keys);
    let said = stage.launch("@say never", 4).stderr;
    stage.env.assert_nothing_is_left();
    said
}

#[test]
fn an_agent_that_dies_at_its_start_fails_the_launch_with_its_last_words() {
    let said = fails(&["crash=session/new"], "");
    assert!(said.contains("ended with status 7: I fall at session/new"), "{said}");
}

#[test]
fn a_tool_server_that_does_not_report_fails_the_launch_and_says_which_deadline() {
    let said = fails(&["tools=none"], "deadlines = { tools = 0.2 }");
    assert!(said.contains("did not report within 0.2 s") && said.contains("raise tools"), "{said}");
}
