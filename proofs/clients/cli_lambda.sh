# A function from a zip to an answer: waiters, versions, asynchronous calls, pages, errors.
role=arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole
work=$(mktemp -d)
cd "$work"
cat > app.py <<'PYTHON'
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to")
    return {"doubled": event["n"] * 2}
PYTHON
zip -q app.zip app.py

for name in cli-double cli-other; do
  aws lambda create-function --function-name "$name" --runtime python3.13 --handler app.handler \
    --role "$role" --zip-file fileb://app.zip > /dev/null
  aws lambda wait function-exists --function-name "$name"
  aws lambda wait function-active --function-name "$name"
  aws lambda wait function-active-v2 --function-name "$name"
done
aws lambda invoke --function-name cli-double --cli-binary-format raw-in-base64-out \
  --payload '{"n": 21}' answer > /dev/null 2>&1 \
  || aws lambda invoke --function-name cli-double --payload '{"n": 21}' answer > /dev/null
[ "$(jq .doubled answer)" = 42 ]
told=$(aws lambda invoke --function-name cli-double --payload '{"fail": true}' answer)
[ "$(jq -r .FunctionError <<< "$told")" = Unhandled ]
[ "$(jq -r .errorType answer)" = ValueError ]
[ "$(aws lambda invoke --function-name cli-double --invocation-type Event --payload '{"n": 1}' \
  answer --query StatusCode)" = 202 ]

aws lambda update-function-configuration --function-name cli-double --timeout 9 > /dev/null
aws lambda wait function-updated --function-name cli-double
aws lambda wait function-updated-v2 --function-name cli-double
[ "$(aws lambda get-function-configuration --function-name cli-double --query Timeout)" = 9 ]

first=$(aws lambda list-functions --page-size 1 --max-items 1)
[ "$(jq '.Functions | length' <<< "$first")" -eq 1 ]
names=$(aws lambda list-functions --page-size 1 --query 'Functions[].FunctionName' --output text)
grep -q cli-double <<< "$names"

refused=$(aws lambda invoke --function-name cli-none answer 2>&1 || true)
grep -q "(ResourceNotFoundException).*Function not found: .*cli-none" <<< "$refused"
refused=$(aws lambda invoke --function-name cli-double --payload 'no json' answer 2>&1 || true)
grep -q "(InvalidRequestContentException)" <<< "$refused"
refused=$(aws lambda create-function --function-name cli-double --runtime python3.13 \
  --handler app.handler --role "$role" --zip-file fileb://app.zip 2>&1 || true)
grep -q "(ResourceConflictException).*Function already exist: cli-double" <<< "$refused"
refused=$(aws lambda create-function --function-name cli-bad --runtime cobol --handler app.handler \
  --role "$role" --zip-file fileb://app.zip 2>&1 || true)
grep -q "at 'runtime' failed to satisfy constraint" <<< "$refused"
for name in cli-double cli-other; do aws lambda delete-function --function-name "$name"; done
