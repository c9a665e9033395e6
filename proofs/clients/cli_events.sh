# A rule that feeds a queue and starts a machine; executions, messages, and what is refused.
# Version 1 of the CLI asks queue.amazonaws.com for SQS, whatever AWS_ENDPOINT_URL says; 2 does not.
sqs() { aws --endpoint-url "$AWS_ENDPOINT_URL" sqs "$@"; }
queue=$(sqs create-queue --queue-name cli-arrivals --query QueueUrl --output text)
arn=$(sqs get-queue-attributes --queue-url "$queue" --attribute-names QueueArn \
  --query Attributes.QueueArn --output text)
policy="{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"sqs:SendMessage\",
  \"Principal\": {\"Service\": \"events.amazonaws.com\"}, \"Resource\": \"$arn\"}]}"
sqs set-queue-attributes --queue-url "$queue" \
  --attributes "{\"Policy\": $(jq -Rs . <<< "$policy")}"
aws events put-rule --name cli-arrivals --event-pattern '{"source": ["cli.shop"]}' > /dev/null
aws events put-targets --rule cli-arrivals --targets "Id=q,Arn=$arn" > /dev/null
[ "$(aws events put-events --entries \
  '[{"Source": "cli.shop", "DetailType": "sold", "Detail": "{\"n\": 1}"},
    {"Source": "cli.shop", "DetailType": "sold", "Detail": "no json"}]' --query FailedEntryCount)" = 1 ]
body=$(sqs receive-message --queue-url "$queue" --wait-time-seconds 10 \
  --query 'Messages[0].Body' --output text)
[ "$(jq .detail.n <<< "$body")" = 1 ]
[ "$(aws events test-event-pattern --event-pattern '{"source": ["a"]}' --event '{"id": "1",
  "source": "a", "detail-type": "t", "account": "1", "time": "2026-01-01T00:00:00Z",
  "region": "us-east-1", "resources": [], "detail": {}}' --query Result)" = true ]
refused=$(aws events put-rule --name cli-bad --event-pattern '{"source": "a"}' 2>&1 || true)
grep -q "(InvalidEventPatternException)" <<< "$refused"
refused=$(aws events describe-rule --name cli-none 2>&1 || true)
grep -q "(ResourceNotFoundException).*Rule cli-none does not exist" <<< "$refused"
refused=$(sqs get-queue-url --queue-name cli-none 2>&1 || true)
grep -q "NonExistentQueue" <<< "$refused"

role=arn:aws:iam::123456789012:role/cli-machines
machine=$(aws stepfunctions create-state-machine --name cli-pass --role-arn "$role" --definition \
  '{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}' \
  --query stateMachineArn --output text)
for name in one two three; do
  aws stepfunctions start-execution --state-machine-arn "$machine" --name "$name" > /dev/null
done
first=$(aws stepfunctions list-executions --state-machine-arn "$machine" --page-size 1 --max-items 2)
[ "$(jq '.executions | length' <<< "$first")" -eq 2 ]
rest=$(aws stepfunctions list-executions --state-machine-arn "$machine" \
  --starting-token "$(jq -r .NextToken <<< "$first")" --query 'length(executions)')
[ "$rest" = 1 ]
refused=$(aws stepfunctions create-state-machine --name cli-bad --role-arn "$role" \
  --definition '{"StartAt": "X", "States": {}}' 2>&1 || true)
grep -q "(InvalidDefinition)" <<< "$refused"
refused=$(aws stepfunctions start-execution --state-machine-arn "$machine" --input '{' 2>&1 || true)
grep -q "(InvalidExecutionInput)" <<< "$refused"

aws cloudwatch put-metric-alarm --alarm-name cli-alarm --namespace cli --metric-name errors \
  --statistic Sum --period 60 --evaluation-periods 1 --threshold 1 \
  --comparison-operator GreaterThanOrEqualToThreshold --treat-missing-data notBreaching
aws cloudwatch wait alarm-exists --alarm-names cli-alarm
aws cloudwatch put-composite-alarm --alarm-name cli-any --alarm-rule 'ALARM("cli-alarm")'
aws cloudwatch wait composite-alarm-exists --alarm-names cli-any --alarm-types CompositeAlarm
refused=$(aws cloudwatch set-alarm-state --alarm-name cli-none --state-value OK --state-reason x 2>&1 || true)
grep -q "(ResourceNotFound)" <<< "$refused"
aws cloudwatch delete-alarms --alarm-names cli-any
aws cloudwatch delete-alarms --alarm-names cli-alarm
aws events remove-targets --rule cli-arrivals --ids q > /dev/null
aws events delete-rule --name cli-arrivals
sqs delete-queue --queue-url "$queue"
