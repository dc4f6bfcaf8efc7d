#!/bin/sh
# Proves from git alone that everything the agents recorded was delivered: no database, no service, no Node.
#
#   prove.sh --plan-keys FILE --ledgers DIR --project KEY REMOTE BRANCH [--project ...]
#
# FILE has a line `phase/task [project ...]` for each task of the plan; the projects named there must each have an entry.
# DIR has one file per agent. A line of it is `phase/task category project commit blob path`: `commit` was accepted by the
# hub, and it added `blob` at `path` (`- -` for a merge commit, which adds nothing of its own).
# The path is as git prints it, with quotes where git puts them (core.quotePath=false). One that begins with `-` or begins or
# ends with a space is not read, and is NOT proven rather than guessed at.
# Last line: `proven: P projects, F phases, T tasks, C commits delivered, 0 lost`, or `NOT proven: ...` with exit 1.
#
# Nothing read from a ledger reaches a command line of git: entries are looked up in lists that git wrote.
set -eu
unset $(git rev-parse --local-env-vars)
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_NO_REPLACE_OBJECTS=1 GIT_ALLOW_PROTOCOL=file:git:http:https:ssh
tmp=$(mktemp -d)
verdict='NOT proven: the proof itself failed'
trap 'rm -rf "$tmp"; printf "%s\n" "$verdict"' EXIT
trap 'exit 1' HUP INT TERM

give_up() { verdict="NOT proven: $1"; exit 1; }
faults=0
fault() { faults=$((faults + 1)); printf 'prove: %s\n' "$1" >&2; }
lost() { printf '%s\n' "$2" >>"$tmp/lost"; fault "$1"; }
printable() { printf %s "$1" | tr -c '[:print:]' '?'; }
is_key() { case $1 in '' | -* | *[!a-z0-9-]*) return 1 ;; esac; [ ${#1} -le 63 ]; }
is_task() { case $1 in */*) is_key "${1%%/*}" && is_key "${1#*/}" ;; *) return 1 ;; esac; }
is_id() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} -eq 40 ] || [ ${#1} -eq 64 ]; }
# Quoted or not, a path is only compared with the list that git wrote; a quote that is not closed was torn.
is_path() { case $1 in '' | -* | /* | \" | \"*[!\"] | ./* | ../* | */../* | */..) return 1 ;; esac; }
# An entry's project is a key that was given, so that the lists it names exist.
is_project() { is_key "$1" && [ -f "$tmp/commits.$1" ]; }
# The text files here are read by lines: a file with other control characters is not one of ours.
is_text() { [ "$(tr -cd '\000-\011\013-\037\177' <"$1" | wc -c)" -eq 0 ]; }

# Two lists per project: `commit parent...` of all that the delivered branch contains, and `blob path` of all files at its tip.
read_project() {
  is_key "$1" || give_up "$(printable "$1") is not a project key"
  [ ! -f "$tmp/commits.$1" ] || give_up "project $1 is named twice"
  case $2 in '' | -*) give_up "project $1 has no remote" ;; esac
  git check-ref-format "refs/heads/$3" || give_up "project $1 has no valid branch name"
  git init --quiet --bare "$tmp/git.$1"
  # What exists here is a path, whatever else git could read in it.
  case $2 in /*) remote=$2 ;; *) remote=$2; [ ! -e "$2" ] || remote=$PWD/$2 ;; esac
  if git --git-dir="$tmp/git.$1" fetch --quiet --no-tags -- "$remote" "+refs/heads/$3:refs/heads/delivered"; then
    git --git-dir="$tmp/git.$1" rev-list --parents refs/heads/delivered >"$tmp/commits.$1"
    git --git-dir="$tmp/git.$1" -c core.quotePath=false ls-tree -r --full-tree --format='%(objectname) %(path)' refs/heads/delivered >"$tmp/files.$1"
  else
    fault "$1: the remote has no readable branch $3"
    : >"$tmp/commits.$1"
    : >"$tmp/files.$1"
  fi
}

plan='' ledgers=''
while [ $# -gt 0 ]; do
  case $1 in
    --plan-keys) [ $# -ge 2 ] || give_up '--plan-keys needs a file'; plan=$2; shift 2 ;;
    --ledgers) [ $# -ge 2 ] || give_up '--ledgers needs a folder'; ledgers=$2; shift 2 ;;
    --project) [ $# -ge 4 ] || give_up '--project needs KEY REMOTE BRANCH'; read_project "$2" "$3" "$4"; printf '%s\n' "$2" >>"$tmp/projects"; shift 4 ;;
    *) give_up "unknown option $(printable "$1")" ;;
  esac
done
[ -f "$tmp/projects" ] || give_up 'no --project was given'
[ -f "$plan" ] && [ -s "$plan" ] && is_text "$plan" || give_up 'the file of --plan-keys is missing, empty or not text'
[ -d "$ledgers" ] || give_up 'the folder of --ledgers is missing'
while read -r task projects || [ -n "$task" ]; do # the last line may lack its end
  is_task "$task" || give_up "$(printable "$task") is not a phase/task key"
  printf '%s\n' "$task" >>"$tmp/plan"
  printf '%s\n' "${task%%/*}" >>"$tmp/phases"
  for project in $projects; do
    is_project "$project" || give_up "$task has to deliver to $(printable "$project"), which no --project names"
    printf '%s %s\n' "$task" "$project" >>"$tmp/owed"
  done
done <"$plan"

# A task that is not in the plan is one that was opened on the way: a resolution or a revision, in a phase of the plan.
is_expected() {
  grep -Fxq -e "$1" "$tmp/plan" && return
  case $2 in merge | review) grep -Fxq -e "${1%%/*}" "$tmp/phases" ;; *) return 1 ;; esac
}

check_entry() { # where task category project commit blob path
  is_task "$2" && is_project "$4" && is_id "$5" || { fault "$1 is not an entry"; return; }
  case $3 in execute | review | merge) ;; *) fault "$1 has an unknown category"; return ;; esac
  is_expected "$2" "$3" || { fault "$1: the plan has no task $2"; return; }
  printf '%s\n' "$2" >>"$tmp/tasks"
  printf '%s %s\n' "$2" "$4" >>"$tmp/paid"
  printf '%s %s\n' "$4" "$5" >>"$tmp/recorded"
  commit=$(grep -E -e "^$5( |\$)" "$tmp/commits.$4") || { lost "$1: commit $5 of $2 is not in the delivered branch of $4" "$4 $5"; return; }
  if [ "$6" = - ] && [ "$7" = - ]; then
    # Only a merge commit (itself and two parents or more) may come without content.
    [ "${commit#* * }" != "$commit" ] || fault "$1: no content is recorded for commit $5"
    return
  fi
  is_id "$6" && is_path "$7" || { fault "$1 is not an entry"; return; }
  printf '%s %s %s\n' "$6" "$4" "$5" >>"$tmp/contents"
  grep -Fxq -e "$6 $7" "$tmp/files.$4" || lost "$1: content $6 of $2 is not at $7 in the delivered branch of $4" "$4 $5"
}

found=0
for ledger in "$ledgers"/* "$ledgers"/.[!.]*; do
  [ -e "$ledger" ] || [ -h "$ledger" ] || continue
  found=$((found + 1))
  name=$(printable "${ledger##*/}")
  [ -f "$ledger" ] && [ ! -h "$ledger" ] || { fault "ledger $name is not a plain file"; continue; }
  [ -s "$ledger" ] || { fault "ledger $name is empty"; continue; }
  is_text "$ledger" || { fault "ledger $name is not text"; continue; }
  number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    IFS=' ' read -r task category project commit blob path <<LINE
$line
LINE
    check_entry "ledger $name line $number" "$task" "$category" "$project" "$commit" "$blob" "$path"
  done <"$ledger"
done
[ "$found" -gt 0 ] || give_up 'there is no ledger'

touch "$tmp/tasks" "$tmp/owed" "$tmp/paid" "$tmp/recorded" "$tmp/contents" "$tmp/lost"
for list in plan tasks owed paid recorded contents lost; do sort -u -o "$tmp/$list" "$tmp/$list"; done
missing() { comm -23 "$tmp/$1" "$tmp/$2" >"$tmp/missing"; }
missing plan tasks
while read -r task; do fault "no ledger has an entry of $task"; done <"$tmp/missing"
missing owed paid
while read -r task project; do fault "no ledger has an entry of $task in $project"; done <"$tmp/missing"
# Content recorded for two commits could stand in for a lost one.
cut -d ' ' -f 1 <"$tmp/contents" | uniq -d >"$tmp/twice"
while read -r blob; do fault "content $blob is recorded for more than one commit"; done <"$tmp/twice"
cut -d ' ' -f 1 <"$tmp/recorded" | sort -u >"$tmp/reached"
sort -u "$tmp/projects" | comm -23 - "$tmp/reached" >"$tmp/missing"
while read -r project; do fault "no ledger has an entry in project $project"; done <"$tmp/missing"

count() { printf %d "$(wc -l <"$tmp/$1")"; }
cut -d / -f 1 <"$tmp/tasks" | sort -u >"$tmp/phases"
if [ "$faults" -gt 0 ]; then
  give_up "$(count recorded) commits recorded, $(count lost) lost, $faults faults, the first above"
fi
verdict="proven: $(count reached) projects, $(count phases) phases, $(count tasks) tasks, $(count recorded) commits delivered, 0 lost"
