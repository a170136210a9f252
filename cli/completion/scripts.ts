/**
 * What each shell is told. All of them call `moft __complete WORD...` (the words after the program's name, the last one
 * being completed), which answers with a candidate a line; the line `:files` asks the shell for files.
 */
const bash = `# Completion of moft for bash.
_moft() {
  local line word piece prefix candidate
  local -a words candidates
  # bash splits words at = and :, which ids hold; the line is split again here, at blanks only.
  line="\${COMP_LINE:0:COMP_POINT}"
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  word="\${words[\${#words[@]}-1]}"
  # bash replaces only the piece behind the last such character.
  piece="\${word##*[$COMP_WORDBREAKS]}"
  prefix="\${word%"$piece"}"
  mapfile -t candidates < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  for candidate in "\${candidates[@]}"; do
    if [[ "$candidate" == :files ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$piece")
    else
      COMPREPLY+=("\${candidate#"$prefix"}")
    fi
  done
  [[ "\${COMPREPLY[0]}" == *[/=] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _moft moft
`;

const zsh = `#compdef moft
# Completion of moft for zsh.
_moft() {
  local candidate
  local -a whole open
  for candidate in "\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$candidate" in
      '') ;;
      :files) _files ;;
      */|*=) open+=("$candidate") ;;
      *) whole+=("$candidate") ;;
    esac
  done
  (( \${#whole} )) && compadd -- "\${whole[@]}"
  (( \${#open} )) && compadd -S '' -- "\${open[@]}"
  return 0
}
(( $+functions[compdef] )) && compdef _moft moft
`;

const fish = `# Completion of moft for fish.
function __moft_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for candidate in ($words[1] __complete $words[2..-1] "$word" 2>/dev/null)
        if test "$candidate" = :files
            __fish_complete_path "$word"
        else
            echo $candidate
        end
    end
end
complete -c moft -f -a '(__moft_complete)'
`;

export const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };
