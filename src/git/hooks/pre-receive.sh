#!/bin/sh
# Refuses a push before its objects enter the repository: one wrong ref refuses all of it. A shell script, because it runs for
# every push, and starting Node would take longer than all of the rest.
refused=0
while read -r _ new ref; do
  if [ -z "${SIGNALBOX_PUSH_REF-}" ]; then
    why='push_not_granted: push over the URL that the claim gave you, with its credential'
  elif [ "$ref" != "$SIGNALBOX_PUSH_REF" ]; then
    why="push_ref_not_granted: this lease may push $SIGNALBOX_PUSH_REF and nothing else"
  else
    case $new in
      *[!0]*) continue ;;
      *) why='push_delete_refused: branches here are never deleted by a push' ;;
    esac
  fi
  refused=1
  printf 'signalbox: %s refused: %s\n' "$ref" "$why" >&2
done
exit "$refused"
