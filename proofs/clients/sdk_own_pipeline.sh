# A model folder's own pipeline.py, compiled by the SDK: the bytes of pipeline.json in the repository.
cp -r ../../models/air-time "$HOME/air-time"
rm "$HOME/air-time/pipeline.json"
../../.venv/bin/everloop compile "$HOME/air-time"
cmp "$HOME/air-time/pipeline.json" ../../models/air-time/pipeline.json

# A mistake is told with its line, and what would go to AWS is refused: nothing is uploaded.
sed -i 's/context.preprocess()/context.reprocess()/' "$HOME/air-time/pipeline.py"
if ../../.venv/bin/everloop compile "$HOME/air-time" 2>"$HOME/said"; then exit 1; fi
tr -s '\n ' ' ' <"$HOME/said" | grep -F "line 12: AttributeError: 'Context' object has no attribute 'reprocess'"
printf 'import boto3\ndef pipeline(context):\n    context.session.boto_session.client("s3").list_buckets()\n' \
    >"$HOME/air-time/pipeline.py"
if ../../.venv/bin/everloop compile "$HOME/air-time" 2>"$HOME/said"; then exit 1; fi
tr -s '\n ' ' ' <"$HOME/said" | grep -F "line 3: it would call s3:ListBuckets, and a pipeline is compiled without AWS"
