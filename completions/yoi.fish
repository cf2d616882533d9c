# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_yoi_global_optspecs
    string join \n C= data-dir= color= q/quiet h/help V/version
end

function __fish_yoi_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_yoi_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_yoi_using_subcommand
    set -l cmd (__fish_yoi_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c yoi -n "__fish_yoi_needs_command" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_needs_command" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_needs_command" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_needs_command" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_needs_command" -s V -l version -d 'Print version'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "init" -d 'Make this directory a workspace: tickets, and a commented configuration'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "intake" -d 'Launch a Pod that makes a ticket implementable'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "launch" -d 'Launch a Pod in a role, on a ticket or without one'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "status" -d 'Show claims, Pods and their tickets, derived at this moment'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "why" -d 'Explain how a ticket or a Pod stands: what was asked, what was read, what can be done'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "attach" -d 'Follow a Pod\'s conversation, and give it turns'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "logs" -d 'Show what a Pod said and did, from its own history'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "stop" -d 'End a Pod, and wait until nothing of it is left'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "restore" -d 'Bring a stopped Pod back under its name, role, tickets and history'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "reclaim" -d 'End the claim of a Pod that is gone, and free its ticket or give it to another Pod'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "ticket" -d 'Make, list, read and discuss tickets'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "tool" -d 'Call a tool of the Pod that this runs in; without NAME, list its tools'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "hooks" -d 'Let git refuse an agent\'s commit or push once its claim was lost'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "selftest" -d 'Try out whether this machine and its file system keep what yoi is built upon'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "demo" -d 'See it all in a second, in a throw-away workspace'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "help" -d 'Show what a command does, takes, and answers'
complete -c yoi -n "__fish_yoi_needs_command" -f -a "pod-host" -d 'Host a Pod; started by launches, never by hand'
complete -c yoi -n "__fish_yoi_using_subcommand init" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand init" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand init" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand init" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand intake" -s m -l message -d 'What is wanted, in a sentence or more' -r
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l pod -d 'The Pod\'s name, instead of one made of role and ticket' -r
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l ready-timeout -d 'How long the Pod may take until it is ready' -r
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l accept-timeout -d 'How long the Pod may take to accept the work' -r
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l probation -d 'How long the Pod waits for its confirmation before it gives up' -r
complete -c yoi -n "__fish_yoi_using_subcommand intake" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l dry-run -d 'Print the plumbing commands that do the same, and run nothing'
complete -c yoi -n "__fish_yoi_using_subcommand intake" -l wait -d 'Wait until the Pod has done its first turn, and show it'
complete -c yoi -n "__fish_yoi_using_subcommand intake" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand intake" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand launch" -s m -l message -d 'What is wanted besides, in a sentence or more' -r
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l pod -d 'The Pod\'s name, instead of one made of role and ticket' -r
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l ready-timeout -d 'How long the Pod may take until it is ready' -r
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l accept-timeout -d 'How long the Pod may take to accept the work' -r
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l probation -d 'How long the Pod waits for its confirmation before it gives up' -r
complete -c yoi -n "__fish_yoi_using_subcommand launch" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l dry-run -d 'Print the plumbing commands that do the same, and run nothing'
complete -c yoi -n "__fish_yoi_using_subcommand launch" -l wait -d 'Wait until the Pod has done its first turn, and show it'
complete -c yoi -n "__fish_yoi_using_subcommand launch" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand launch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand status" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi -n "__fish_yoi_using_subcommand status" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand status" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand status" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand status" -l all -d 'Claims of closed tickets too'
complete -c yoi -n "__fish_yoi_using_subcommand status" -l json -d 'Write one JSON document'
complete -c yoi -n "__fish_yoi_using_subcommand status" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi -n "__fish_yoi_using_subcommand status" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand why" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand why" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand why" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand why" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand attach" -s m -l message -d 'Give this turn, follow it, and leave; - reads standard input' -r
complete -c yoi -n "__fish_yoi_using_subcommand attach" -l accept-timeout -d 'How long the Pod may take to accept a turn' -r
complete -c yoi -n "__fish_yoi_using_subcommand attach" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand attach" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand attach" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand attach" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand logs" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand logs" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand logs" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand logs" -s f -l follow -d 'Go on as it happens, until the Pod ends'
complete -c yoi -n "__fish_yoi_using_subcommand logs" -l json -d 'Write the history as it is: one JSON object a line'
complete -c yoi -n "__fish_yoi_using_subcommand logs" -l host -d 'Show the standard error of host and agent instead'
complete -c yoi -n "__fish_yoi_using_subcommand logs" -l journal -d 'Show the journal of the registry instead: who changed what, when and why'
complete -c yoi -n "__fish_yoi_using_subcommand logs" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand stop" -l wait -d 'How long to wait for its end' -r
complete -c yoi -n "__fish_yoi_using_subcommand stop" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand stop" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand stop" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand stop" -l now -d 'Do not wait for the turn'
complete -c yoi -n "__fish_yoi_using_subcommand stop" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand restore" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand restore" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand restore" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand restore" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l reason -d 'Why, for the journal and for those who hold the ticket later' -r
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l to -d 'Give the ticket to this live Pod' -r
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l wait -d 'How long to wait for the ticket lock' -r
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l force -d 'End the claim also of a Pod that is stopped and could be restored'
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -l yes -d 'Do not ask'
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand reclaim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -s h -l help -d 'Print help'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -f -a "new" -d 'Make a ticket in state planning, and print its id'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -f -a "list" -d 'List the tickets of this workspace'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -f -a "show" -d 'Show a ticket: what it is about, and what happened to it'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -f -a "comment" -d 'Add a comment to a ticket\'s thread'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and not __fish_seen_subcommand_from new list show comment doctor" -f -a "doctor" -d 'Say what is wrong with tickets and configuration, where, and what to do'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from new" -l body -d 'What must be known, in Markdown; - reads standard input' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from new" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from new" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from new" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from new" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -l state -d 'Only those of this state' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -l all -d 'Closed tickets too'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -l json -d 'Write one JSON document'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -l json -d 'Write one JSON document'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -s m -l message -d 'The comment, in Markdown' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -l heading -d 'Its heading' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from comment" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -l json -d 'Write one JSON document'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand ticket; and __fish_seen_subcommand_from doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand tool" -l json -d 'Its arguments: a JSON object; - reads standard input' -r
complete -c yoi -n "__fish_yoi_using_subcommand tool" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand tool" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand tool" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand tool" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand tool" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -f -a "install" -d 'Write pre-commit and pre-push where there is none'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -f -a "remove" -d 'Remove the hooks that were installed'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and not __fish_seen_subcommand_from install remove status" -f -a "status" -d 'Show what stands in the place of each hook'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from install" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from install" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from install" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from install" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from remove" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from remove" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from remove" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from status" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from status" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from status" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand hooks; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand completions" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand completions" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand completions" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand completions" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -l seconds -d 'How long races and kills are tried, all in all; a step that has begun is finished' -r
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'; --json shows their names' -r
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -l part -d 'Be a process of a selftest' -r -f -a "sweep\t'Cleans up when all others are gone'
hold\t'Holds what it inherited until its standard input ends'
gate\t'Becomes another program when its standard input ends'
adopt\t'Has orphans handed to it'
limit\t'Becomes another program that cannot make any file longer'
fill\t'Fills a disk of its own'"
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -l json -d 'Write one JSON document'
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand selftest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand demo" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand demo" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand demo" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand demo" -l keep -d 'Keep the workspace and its registry'
complete -c yoi -n "__fish_yoi_using_subcommand demo" -l sweep -d 'Be the process that cleans up behind a demo'
complete -c yoi -n "__fish_yoi_using_subcommand demo" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand help" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand help" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand help" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand help" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -n "__fish_yoi_using_subcommand pod-host" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand pod-host" -l data-dir -d 'Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says' -r -f -a "(__fish_complete_directories)"
complete -c yoi -n "__fish_yoi_using_subcommand pod-host" -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -n "__fish_yoi_using_subcommand pod-host" -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -n "__fish_yoi_using_subcommand pod-host" -s h -l help -d 'Print help'
