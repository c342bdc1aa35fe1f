# fish completion of backobs: the program itself says what can follow. Load with: backobs completion fish | source
function __backobs_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c backobs -a '(__backobs_complete)'
