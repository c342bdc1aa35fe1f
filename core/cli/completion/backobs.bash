# bash completion of backobs: the program itself says what can follow. Load with: source <(backobs completion bash)
_backobs() {
  local IFS=$'\n'
  COMPREPLY=($("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _backobs backobs
