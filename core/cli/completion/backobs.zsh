#compdef backobs
# zsh completion of backobs: the program itself says what can follow. Load with: source <(backobs completion zsh)
_backobs() {
  local -a answers
  answers=("${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  answers=(${answers:#})
  if (( ${#answers} )); then
    compadd -Q -- "${answers[@]}"
  else
    _files
  fi
}
if [ "$funcstack[1]" = "_backobs" ]; then _backobs "$@"; else compdef _backobs backobs; fi
