#!/bin/sh
# Works for a Signalbox: SIGNALBOX_URL=... SIGNALBOX_TOKEN=... examples/agent.sh -- my-command [argument...]
# The command runs once per task, in a clone of the task's project (with several: in the first one's; the others are at
# ../<key>, all named in $PROJECTS), with the briefing on stdin and in $TASK_TITLE, $CATEGORY and so on. Exit 0 says: done.
# Conflicts are resolved where git left them. Optional: SIGNALBOX_AGENT, a name; SIGNALBOX_LEDGER, a file for what the hub
# has accepted, with a line `phase/task category project commit blob path` for each file that a commit adds; SIGNALBOX_PATIENCE,
# how often a request is sent, a second apart, to a service that is away or fails (300).
set -u
[ "${1-}" != -- ] || shift
[ -n "${SIGNALBOX_URL-}" ] && [ -n "${SIGNALBOX_TOKEN-}" ] && [ $# -gt 0 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
name=${SIGNALBOX_AGENT:-agent-$$} api=$SIGNALBOX_URL/v1/agents token=$SIGNALBOX_TOKEN work=$(mktemp -d) beat='' command='' tab=$(printf '\t')
unset SIGNALBOX_TOKEN # the command is not told; neither token nor password is ever an argument of a process
helper='!f() { printf "username=%s\npassword=%s\n" "$GIT_USERNAME" "$GIT_PASSWORD"; }; f'
trap 'kill $beat $command 2>/dev/null; rm -rf "$work"' EXIT; trap 'exit 130' HUP INT TERM
log() { printf '%s: %s\n' "$name" "$*" >&2; }
api() { patience=${SIGNALBOX_PATIENCE:-300} # PATH BODY ANSWER-FILE [KEY]: posts until there is an answer; a KEY makes it one request
  until code=$(printf 'header = "%s"\n' "Authorization: Bearer $token" 'Content-Type: application/json' \
      'Accept: text/plain, application/json' "Idempotency-Key:${4:+ $4}" |
    curl -sS -K - -m 90 -o "$3" -w '%{http_code}' -d "$2" "$api$1") && [ "$code" -lt 500 ] || ! [ $((patience -= 1)) -gt 0 ]; do sleep 1; done 2>/dev/null; echo "$code"; }
hub() { tries=20; until GIT_TERMINAL_PROMPT=0 GIT_USERNAME=$user GIT_PASSWORD=$password \
    git -c credential.helper= -c credential.helper="$helper" "$@"; do # again: the service may be away
    tries=$((tries - 1)); [ $tries -gt 0 ] && [ ! -e "$work/lost" ] || return 1; sleep 1; done; }
brief() { : >"$work/comments"; while IFS= read -r line; do value=$(printf %b "${line#*=}"); case ${line%%=*} in # a value is only data
    TASK_KEY | PHASE_KEY | INITIATIVE_KEY | TASK_TITLE | TASK_DESCRIPTION | CATEGORY | ATTEMPT | LEASE_ID | HEARTBEAT_SECONDS | BRANCH)
      export "${line%%=*}=$value" ;; GIT_USERNAME) user=$value ;; GIT_PASSWORD) password=$value ;; COMMENT_ID) comment=$value ;; COMMENT) said=$value ;;
    COMMENT_SIDE) case $TASK_DESCRIPTION in *"(comment $comment)"*) ;; *) printf 'review comment, %s side: %s\n' "$value" "$said" ;; esac >>"$work/comments" ;; esac
  done <"$work/claim"; sed -n 's/^PROJECT=//p' "$work/claim" >"$work/projects" # a comment is added only if the description has no room for it
  PROJECTS=$(cut -d ' ' -f 1 "$work/projects" | paste -s -d ' ' -); export PROJECTS; { printf '%s\n\n%s\n' "$TASK_TITLE" "$TASK_DESCRIPTION"; cat "$work/comments"; } >"$work/briefing"; }
each() { while read -r key url base start <&3; do tip=refs/remotes/origin/${start#refs/heads/} # a function in the clone of each project
    case $key in -* | *[!a-z0-9-]*) return 1 ;; esac; mkdir -p "$work/in/$key" && cd "$work/in/$key" && "$@" || return 1
  done 3<"$work/projects"; }
heartbeat() { while sleep "$HEARTBEAT_SECONDS" && kill -0 $$ 2>/dev/null; do # an agent that was killed has no heartbeat
    case $(api "/$id/heartbeat" "{\"lease\":\"$LEASE_ID\"}" "$work/beat") in 4*) ;; *) continue ;; esac # its outage ends no lease
    : >"$work/lost"; kill "$(cat "$work/pid")"; return; done 2>/dev/null; }
fetch() { git init --quiet && git remote add origin "$url" && hub fetch --quiet origin || return 1
  git config user.email >/dev/null || { git config user.name "$name" && git config user.email "$name@localhost"; }
  from=$base n=0; while [ $((n += 1)) -le "$ATTEMPT" ]; do pushed=refs/remotes/origin/${BRANCH%/*}/$n # what was pushed before is kept
    ! git rev-parse --quiet --verify "$pushed" >/dev/null || from=$pushed; done
  git checkout --quiet --detach "$from" && for source in "$tip" $(sed -n "s/^MERGE=$key //p" "$work/claim"); do # a conflict is for the command
    [ -e .git/MERGE_HEAD ] || git merge --quiet --ff --no-edit "$source" >/dev/null 2>&1 || [ -e .git/MERGE_HEAD ] || return 1; done; }
run() { (cd "$work/in/${PROJECTS%% *}" && exec "$@" <"$work/briefing") & command=$!; echo $command >"$work/pid"; wait $command; }
commit() { if git diff --name-only -z --diff-filter=U | xargs -0 grep -qs '^<<<<<<< ' /dev/null; then log "$key has conflicts"; return 1; fi
  git add --all && { [ ! -e .git/MERGE_HEAD ] && git diff --cached --quiet || git commit --quiet --no-verify -m "$TASK_TITLE"; }; }
entries() { for made in $(git rev-list --reverse HEAD --not "$base" --remotes); do # the commits that the hub does not have
    added=$(git -c core.quotePath=false diff-tree -r --no-commit-id --no-renames --diff-filter=A "$made" |
      sed "s/^:[0-9]* [0-9]* [0-9a-f]* \([0-9a-f]*\) A$tab/\1 /")
    printf '%s\n' "${added:-- -}" | sed "s|^|$PHASE_KEY/$TASK_KEY $CATEGORY $key $made |"; done; }
push() { commit || return 1; ! git merge-base --is-ancestor HEAD "$tip" || return 0 # nothing that is not there already
  entries >"$work/entries"; hub push --porcelain origin "HEAD:refs/heads/$BRANCH" >"$work/push" || return 1
  grep -q "^[^!]${tab}HEAD:refs/heads/$BRANCH$tab" "$work/push" || { log 'the lease is over, the hub kept the work aside'; return 1; }
  changes=yes; [ -z "${SIGNALBOX_LEDGER-}" ] || [ ! -s "$work/entries" ] || cat "$work/entries" >>"$SIGNALBOX_LEDGER"; }
report() { log "$1 $PHASE_KEY/$TASK_KEY: $(api "/$id/$1" "{\"lease\":\"$LEASE_ID\"$2}" "$work/answer" "$1-$LEASE_ID-$round")"; }
attempt() { heartbeat & beat=$!; for round in 1 2 3 4 5 6; do changes=''; rm -rf "$work/in"; each fetch && [ ! -e "$work/lost" ] &&
      { [ $round -gt 1 ] && ! ls "$work"/in/*/.git/MERGE_HEAD >/dev/null 2>&1 || run "$@"; } && each push || break
    report submit "$([ -n "$changes" ] || echo ',"noChanges":"the command changed nothing"'; ! grep -q '^COMMENT=' "$work/claim" || echo ',"fixedAll":"see what was pushed"')"
    grep -q '"code":"' "$work/answer" || return; grep -q '"code":"\(tip_moved\|conflict_not_resolved\)"' "$work/answer" || break; done; report fail ''; } # or merge again
until api '' "{\"name\":\"$name\"}" "$work/agent" >/dev/null; id=$(sed -n 's/^[^}]*"id":"\([0-9a-f-]*\)".*/\1/p' "$work/agent"); [ -n "$id" ]; do log "$(cat "$work/agent")"; sleep 5; done
while :; do case $(api "/$id/claim" '{"waitSeconds":30}' "$work/claim") in
  200) brief && attempt "$@" </dev/null; kill $beat 2>/dev/null; cd / && rm -rf "$work/in" "$work/lost" "$work/pid" ;;
  204) ;; *) log "$(cat "$work/claim")"; sleep 5 ;; esac; done
