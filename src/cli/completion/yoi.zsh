#compdef {PROGRAM}
# Completion of {PROGRAM} for zsh: the program itself says what a word may become.
# Made by `yoi completions zsh {PROGRAM}`; do not edit.

_{FUNCTION}() {
    local line value help current
    local -a typed values shown
    typed=("${(@Q)words[1,CURRENT-1]}")
    # Within open quotes the word stands as it is.
    if [[ -n $compstate[quote] ]]; then current=$PREFIX; else current=${(Q)PREFIX}; fi
    while IFS= read -r line; do
        case $line in
            $'\001files')
                compset -P '--*='
                _files
                return
                ;;
            $'\001directories')
                compset -P '--*='
                _files -/
                return
                ;;
        esac
        value=${line%%$'\t'*}
        help=${line#*$'\t'}
        values+=("$value")
        shown+=("$value${help:+  -- $help}")
    done < <(command "${typed[1]/#\~/$HOME}" complete zsh -- "${typed[@]}" "$current" 2>/dev/null)
    (( $#values )) && compadd -l -d shown -a values
}

if [[ $funcstack[1] == _{FUNCTION} || $funcstack[1] == _{PROGRAM} ]]; then
    _{FUNCTION} "$@"
else
    compdef _{FUNCTION} {PROGRAM}
fi
