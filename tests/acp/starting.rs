//! What happens before the first turn.

use crate::scene::Stage;

/// A launch that fails; gives what was said. Nothing of it may be left.
#[track_caller]
fn fails(arguments: &[&str], keys: &str) -> String {
    let stage = Stage::set(arguments, keys);
    let said = stage.launch("@say never", 4).stderr;
    stage.env.assert_nothing_is_left();
    assert!(!stage.asked().contains(&"session/prompt".to_owned()));
    // The line of its program, whatever else is wrong with it.
    let hint =
        format!("hint: change profile project:fake in {}/.yoi/profiles.toml:3\n", stage.env.workspace().display());
    assert!(said.ends_with(&hint), "{said}");
    said
}

#[test]
fn an_agent_that_dies_at_its_start_fails_the_launch_with_its_last_words() {
    for method in ["initialize", "session/new"] {
        let said = fails(&[&format!("crash={method}")], "");
        let why = format!("ended with status 7: I fall at {method} (it was to answer {method})");
        assert!(said.contains(&why), "{said}");
    }
}

#[test]
fn an_agent_that_hangs_at_its_start_fails_the_launch_and_the_deadline_is_named() {
    let said = fails(&["hang=initialize"], "deadlines = { start = 0.3 }");
    let why = "did not answer initialize within 0.3 s; if it needs longer, raise start in the deadlines of its profile";
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_tool_server_that_is_missing_or_hangs_fails_the_launch_and_the_deadline_is_named() {
    for tools in ["tools=none", "tools=hang"] {
        let said = fails(&[tools], "deadlines = { tools = 0.3 }");
        let why =
            "its tool server, 'yoi mcp', did not report within 0.3 s; if it needs longer, raise tools in the deadlines";
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_tool_server_that_is_started_twice_serves() {
    let (stage, mut talk) = Stage::up(&["tools=twice"], "");
    talk.said("@mcp TicketList {}");
    assert_eq!(stage.last_turn()[1..3], ["tool_call_start", "tool_call_start"], "{:?}", stage.last_turn());
    stage.stop();
}

#[test]
fn another_version_of_the_protocol_is_refused() {
    let said = fails(&["version=2"], "");
    assert!(said.contains("required ACP protocol version 1 but peer negotiated 2"), "{said}");
}

#[test]
fn an_agent_that_is_not_authenticated_fails_the_launch_and_its_methods_are_named() {
    let said = fails(&["auth=browser"], "");
    let why = "log in with that agent's own program, or set auth in its profile to a method that it offers: \
               \"browser\" (Log in by browser: a fake way)";
    assert!(said.contains(why), "{said}");
    let said = fails(&["auth=browser"], "auth = \"key\"");
    assert!(said.contains("has no authentication method \"key\"; it offers \"browser\""), "{said}");
    let (stage, _) = Stage::up(&["auth=browser"], "auth = \"browser\"");
    assert!(stage.asked().contains(&"authenticate browser".to_owned()));
    stage.stop();
}

#[test]
fn a_session_is_put_into_the_mode_of_the_profile() {
    let (stage, _) = Stage::up(&["modes=default,plan"], "mode = \"plan\"");
    assert!(stage.asked().contains(&"session/set_mode plan".to_owned()));
    stage.stop();
    let said = fails(&["modes=default,plan"], "mode = \"fast\"");
    let why = "has no mode \"fast\"; it offers \"default\" (Mode default), \"plan\" (Mode plan)";
    assert!(said.contains(why), "{said}");
    let said = fails(&[], "mode = \"fast\"");
    assert!(said.contains("has no mode \"fast\"; it offers none"), "{said}");
}
