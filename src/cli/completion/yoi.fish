# Completion of {PROGRAM} for fish: the program itself says what a word may become.
# Made by `yoi completions fish {PROGRAM}`; do not edit.

function __{FUNCTION}_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    # A word with an open quote stands as it is, without the quote.
    set -l plain (string unescape -- $current)
    or set plain (string replace -r '^[\'"]' '' -- $current)
    for line in (command $typed[1] complete fish -- $typed "$plain" 2>/dev/null)
        switch $line
            case \x01files
                __fish_complete_path "$plain"
            case \x01directories
                __fish_complete_directories "$plain"
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c {PROGRAM} -f -a '(__{FUNCTION}_complete)'
