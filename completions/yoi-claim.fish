# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_yoi_claim_global_optspecs
    string join \n C= data-dir= json z/null format= h/help V/version
end

function __fish_yoi_claim_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_yoi_claim_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_yoi_claim_using_subcommand
    set -l cmd (__fish_yoi_claim_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s V -l version -d 'Print version'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-commit" -d 'Commit a claim: POD accepted TICKET in ROLE'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-show" -d 'Show the claim of TICKET with its status, derived at this moment'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-list" -d 'List all claims and launches in flight with their status, derived at this moment'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-check" -d 'Exit with 0 if the claim on TICKET is still the expected one'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-complete" -d 'Record that the work of the claim on TICKET succeeded'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-release" -d 'Free TICKET, leaving the tombstone from which generations are counted'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "claim-reclaim" -d 'End the claim on TICKET, whose Pod is gone: free the ticket, or give it to another Pod'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "session-record" -d 'Record that POD was launched in ROLE, or add tickets to its record'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "session-show" -d 'Show the session record of POD'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "session-list" -d 'List all session records'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "ticket-lock" -d 'Run COMMAND with the ticket lock held'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "launch-plan" -d 'Print the plan of a launch as JSON; run nothing'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "pod-spawn" -d 'Start a Pod\'s host, wait until it is ready, print POD<TAB>SOCKET'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "pod-run" -d 'Send a Run to POD, wait until it is accepted, print the evidence'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "pod-confirm" -d 'End the probation of POD'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "pod-status" -d 'Show how POD is, asked of the kernel and of the Pod'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "pod-list" -d 'List all Pods and how they are, asked of the kernel and of each Pod'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "pod-shutdown" -d 'End POD by the ordinary shutdown, and wait until nothing of it is left'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "shutdown-after-idle" -d 'Mark POD to end once it is idle, or take the mark back'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "workspace-key" -d 'Print the key of the workspace, and the directory of its registry'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "workspace-adopt" -d 'Take over the registry that this workspace had before it was moved'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "journal" -d 'Print the history of changes: who did what to which ticket, when and why'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "watch" -d 'Tell of each change as it happens: what to read again'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "verify" -d 'Check the whole registry: each record, lock, leftover, socket and line of the journal, and how they agree'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "gc" -d 'Remove what is provably dead: leftovers of processes that were killed'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l pod -d 'The Pod that accepted it' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l role -d 'What the Pod is for' -r -f -a "intake\t''
orchestrator\t''
coder\t''
reviewer\t''
investigator\t''
companion\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l evidence -d 'What shows that it accepted' -r -f -a "user_message\t''
invoke_start\t''
turn_start\t''
manual\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l session -d 'The agent\'s own session id' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l nonce -d 'The nonce of this attempt' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l expect -d 'Hand over this completed claim instead of claiming a free ticket' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l wait -d 'How long to wait for the ticket lock' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-commit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-show" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-show" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-show" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-show" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-show" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -l status -d 'Only those of this status' -r -f -a "launching\t''
live\t''
restorable\t''
stale\t''
unknown\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -l expect -d 'The claim that should stand' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -l expect -d 'The claim that should stand' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -l expect -d 'The claim that should stand' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -l reason -d 'Why, for the journal' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -l wait -d 'How long to wait for the ticket lock' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l expect -d 'The claim that should stand' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l reason -d 'Why, for the journal and for those who hold the ticket later' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l pod -d 'The live Pod that gets the ticket' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l role -d 'What that Pod is for' -r -f -a "intake\t''
orchestrator\t''
coder\t''
reviewer\t''
investigator\t''
companion\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l wait -d 'How long to wait for the ticket lock' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l force -d 'End the claim also of a Pod that is stopped and could be restored'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand claim-reclaim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l role -d 'What it is for' -r -f -a "intake\t''
orchestrator\t''
coder\t''
reviewer\t''
investigator\t''
companion\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l origin -d 'How it came about' -r -f -a "pre_ticket_intake\t''
ticket_claim\t''
role_launch\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l ticket -d 'A ticket that it has to do with; may be repeated' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l session -d 'The agent\'s own session id' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-show" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-show" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-show" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-show" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-show" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-list" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-list" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-list" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-list" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-list" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand session-list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -l pod -d 'The Pod that is to be launched, for whoever asks who holds the lock' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -l wait -d 'How long to wait for the lock' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand ticket-lock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l role -d 'What the Pod is for' -r -f -a "intake\t''
orchestrator\t''
coder\t''
reviewer\t''
investigator\t''
companion\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l ticket -d 'The ticket' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l pod -d 'The Pod\'s name, instead of one made of role and ticket' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l instruction -d 'What the agent is asked for, besides the ticket' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand launch-plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l role -d 'What it is for' -r -f -a "intake\t''
orchestrator\t''
coder\t''
reviewer\t''
investigator\t''
companion\t''"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l profile -d 'The agent: builtin:NAME, project:NAME or user:NAME' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l ticket -d 'The ticket that it is launched on' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l ready-timeout -d 'How long the Pod may take until it is ready' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l probation -d 'How long the Pod waits for its confirmation' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-spawn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -l plan -d 'Take the input from a plan that launch-plan printed; - is standard input' -r -F
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -l input -d 'Take the input from a file: a JSON list of segments, or text; - is standard input' -r -F
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -l accept-timeout -d 'How long the Pod may take to accept' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-confirm" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-confirm" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-confirm" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-confirm" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-confirm" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-confirm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-status" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-status" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-status" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-status" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-status" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-list" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-list" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-list" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-list" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-list" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -l wait -d 'How long to wait for its end' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -l now -d 'Do not wait for the turn'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand pod-shutdown" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -l cancel -d 'Take the mark back'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand shutdown-after-idle" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-adopt" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-adopt" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-adopt" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-adopt" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-adopt" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand journal" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand journal" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand journal" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand journal" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand journal" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand journal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand watch" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand watch" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand watch" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand watch" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand watch" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -l repair -d 'Mend what is provably safe to mend, each under its lock; what cannot be read is set aside, never deleted'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -l closed -d 'Also release the claims of closed tickets, except those of live Pods'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -l dry-run -d 'Say what would be removed, and remove nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand gc" -s h -l help -d 'Print help (see more with \'--help\')'
