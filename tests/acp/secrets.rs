//! What the user's environment holds stays there.

use crate::common::run;
use crate::common::scene::{INCOMPLETE, tree};
use crate::scene::{POD, Stage};

const SECRET: &str = "sk-4711-do-not-tell";
const IN_PROFILE: &str = "pf-4712-do-not-tell";

#[test]
fn no_variable_of_the_user_or_of_the_profile_is_written_anywhere() {
    let stage = Stage::set(&[], &format!("env = {{ PROFILE_KEY = \"{IN_PROFILE}\" }}"));
    let mut said = String::new();
    let mut call = |arguments: &[&str], status| {
        let outcome = run(stage.env.yoi(arguments).env("FAKE_API_KEY", SECRET), status);
        said.push_str(&(outcome.stdout + &outcome.stderr));
    };
    call(&["intake", INCOMPLETE, "-m", "@say here", "--wait"], 0);
    let mut talk = stage.talk();
    // The agent has both, as it must.
    assert_eq!(talk.said("@env FAKE_API_KEY").replace("4711", ""), SECRET.replace("4711", ""));
    stage.stop();
    stage.env.registry();
    let history = stage.env.registry().pod_dir(&crate::common::scene::pod(POD)).join("history.jsonl");
    let kept = std::fs::read_to_string(&history).unwrap();
    // What the agent itself says is its conversation; all else must not hold it.
    std::fs::write(&history, kept.replace(SECRET, "")).unwrap();
    call(&["restore", POD], 0);
    let mut talk = stage.talk();
    talk.said("@mcp TicketList {}");
    talk.error("@crash 3");
    talk.error("@end");
    call(&["status"], 0);
    call(&["logs", POD], 0);
    call(&["why", INCOMPLETE], 0);
    stage.stop();
    for secret in [SECRET, IN_PROFILE] {
        assert!(!said.contains(secret), "{said}");
        for (path, (_, bytes)) in tree(&stage.env.data()).into_iter().chain(tree(&stage.env.runtime())) {
            assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{path} holds {secret}");
        }
    }
}
