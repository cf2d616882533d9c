# Completion of yoi-claim for bash, from 4.4: the program itself says what a word may become.
# Made by `yoi completions bash yoi-claim`; do not edit.

_yoi_claim_complete() {
    local candidate program=${1/#\~/$HOME}
    COMPREPLY=()
    while IFS= read -r candidate; do
        case $candidate in
            $'\001files') compopt -o bashdefault -o default ;;
            $'\001directories') compopt -o dirnames ;;
            *) COMPREPLY+=("$candidate") ;;
        esac
    done < <(command "$program" complete bash -- "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}

complete -o nosort -F _yoi_claim_complete yoi-claim
