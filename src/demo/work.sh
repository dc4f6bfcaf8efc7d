#!/bin/sh
# What an agent of the demo does for a task: it takes its time, then adds files of unique content to each project.
# DEMO_SYNC is a folder to meet in, DEMO_CONFLICTING names the two tasks that edit the same line, DEMO_VICTIM the task
# whose first agent is killed, DEMO_UNFINISHED the one that leaves something open, DEMO_SEED sets the pace.
set -eu
here=$PHASE_KEY/$TASK_KEY

unique() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# 0.2 to 1.1 seconds, the same for the same seed.
pace() { printf '%s' "$DEMO_SEED $here $ATTEMPT" | cksum | awk '{ printf "%.1f", 0.2 + ($1 % 10) / 10 }'; }

# Keeps both sides of each conflict.
resolve() {
  git diff --name-only --diff-filter=U | while IFS= read -r file; do
    grep -v -e '^<<<<<<< ' -e '^=======$' -e '^>>>>>>> ' <"$file" >"$file.resolved"
    mv "$file.resolved" "$file"
    git add -f -- "$file"
  done
}

# Two commits: one made here, one left to the agent. Added by force: the repository may ignore the file.
add_files() {
  mkdir -p "signalbox-demo/$here"
  for part in 1 2; do
    content=$(unique)
    file=signalbox-demo/$here/$ATTEMPT-$part-$(printf '%.8s' "$content").txt
    printf '%s in %s: %s\n' "$here" "$1" "$content" >"$file"
    git add -f -- "$file"
    [ "$part" = 2 ] || git commit --quiet --no-verify -m "$TASK_TITLE: a first part"
  done
}

edit_decision() {
  replace signalbox-demo/decision.txt "s/^decision:.*/decision: as $TASK_KEY wants it/"
}

# Fills the handbook, though not with much.
edit_handbook() { replace signalbox-demo/handbook.txt 's/: not written yet$/: TODO/'; }

replace() {
  sed "$2" "$1" >"$1.new"
  mv "$1.new" "$1"
  git add -f -- "$1"
}

# Finishes the lines that reviewers commented on. The briefing on standard input has the comments by project and file, each
# with its place: `- line 3 (comment ...)`, or `- lines 3 to 5 (comment ...)`.
revise() {
  awk '/^Project / { project = $2 } /^File / { file = substr($0, 6) }
    /^- line / { print project, $3 + 0, file } /^- lines / { print project, $3 + 0 "," $5 + 0, file }' |
    while read -r project lines file; do
      cd "../$project"
      replace "$file" "${lines}s/: TODO\$/: as $TASK_KEY says/"
    done
}

# Both of them start from the same commit only if neither ends before the other has begun.
meet() {
  : >"$DEMO_SYNC/$TASK_KEY"
  for _ in $(seq 100); do
    [ "$(ls "$DEMO_SYNC" | wc -l)" -lt 2 ] || return 0
    sleep 0.1
  done
}

for project in $PROJECTS; do
  cd "../$project"
  resolve
done
case $CATEGORY in merge) exit 0 ;; review) revise ;; esac

[ "$here $ATTEMPT" != "$DEMO_VICTIM 1" ] || sleep 60
sleep "$(pace)"
conflicting=no
case " $DEMO_CONFLICTING " in *" $here "*) conflicting=yes; meet ;; esac
for project in $PROJECTS; do
  cd "../$project"
  # In one project only: the other would land cleanly, and must not land alone.
  [ "$conflicting $project" != 'yes app' ] || edit_decision
  [ "$here $project" != "$DEMO_UNFINISHED app" ] || edit_handbook
  add_files "$project"
done
