complete -c yoi -s C -d 'Work as if started in DIR' -r -f -a "(__fish_complete_directories)"
complete -c yoi -l color -d 'Use colour: on a terminal, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c yoi -s q -l quiet -d 'Show results and errors, but no progress'
complete -c yoi -s h -l help -d 'Print help (see more with \'--help\')'
complete -c yoi -s V -l version -d 'Print version'
