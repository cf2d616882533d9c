# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_yoi_claim_global_optspecs
    string join \n C= json z/null format= h/help V/version
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
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'' -r
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s h -l help -d 'Print help'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -s V -l version -d 'Print version'
complete -c yoi-claim -n "__fish_yoi_claim_needs_command" -f -a "workspace-key" -d 'Print the key of the workspace, and the directory of its registry'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -l format -d 'Write these fields, such as \'{ticket}\\t{status}\'' -r
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -l json -d 'Write one JSON document'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -s z -l null -d 'End records with NUL instead of a newline, and escape nothing'
complete -c yoi-claim -n "__fish_yoi_claim_using_subcommand workspace-key" -s h -l help -d 'Print help (see more with \'--help\')'
