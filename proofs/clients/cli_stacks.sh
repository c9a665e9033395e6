# A stack made, changed through a change set, and deleted: each with its waiter.
# Version 1 of the CLI asks queue.amazonaws.com for SQS, whatever AWS_ENDPOINT_URL says; 2 does not.
sqs() { aws --endpoint-url "$AWS_ENDPOINT_URL" sqs "$@"; }
work=$(mktemp -d)
cat > "$work/one.yaml" <<'YAML'
Parameters:
  Days: {Type: Number, Default: 1}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: cli-stack-queue, MessageRetentionPeriod: !Sub "${Days}0000"}
Outputs:
  Url: {Value: !Ref Queue}
YAML
aws cloudformation validate-template --template-body "file://$work/one.yaml" > /dev/null
aws cloudformation create-stack --stack-name cli-stack --template-body "file://$work/one.yaml" > /dev/null
aws cloudformation wait stack-create-complete --stack-name cli-stack
aws cloudformation wait stack-exists --stack-name cli-stack
url=$(aws cloudformation describe-stacks --stack-name cli-stack \
  --query 'Stacks[0].Outputs[?OutputKey==`Url`].OutputValue' --output text)
sqs get-queue-attributes --queue-url "$url" --attribute-names MessageRetentionPeriod | grep -q 10000

aws cloudformation create-change-set --stack-name cli-stack --change-set-name more \
  --use-previous-template --parameters ParameterKey=Days,ParameterValue=3 > /dev/null
aws cloudformation wait change-set-create-complete --stack-name cli-stack --change-set-name more
[ "$(aws cloudformation describe-change-set --stack-name cli-stack --change-set-name more \
  --query 'Changes[0].ResourceChange.Action' --output text)" = Modify ]
aws cloudformation execute-change-set --stack-name cli-stack --change-set-name more
aws cloudformation wait stack-update-complete --stack-name cli-stack
sqs get-queue-attributes --queue-url "$url" --attribute-names MessageRetentionPeriod | grep -q 30000
[ "$(aws cloudformation describe-stack-events --stack-name cli-stack --max-items 2 \
  --query 'length(StackEvents)')" = 2 ]

refused=$(aws cloudformation describe-stacks --stack-name cli-none 2>&1 || true)
grep -q "(ValidationError).*Stack with id cli-none does not exist" <<< "$refused"
refused=$(aws cloudformation validate-template --template-body '{"Resources": 1}' 2>&1 || true)
grep -q "(ValidationError)" <<< "$refused"
refused=$(aws cloudformation update-stack --stack-name cli-stack --use-previous-template \
  --parameters ParameterKey=Days,UsePreviousValue=true 2>&1 || true)
grep -q "No updates are to be performed" <<< "$refused"

aws cloudformation delete-stack --stack-name cli-stack
aws cloudformation wait stack-delete-complete --stack-name cli-stack
