# DynamoDB by the CLI: a table with an index, conditions, transactions, pages, waiters, errors.
table=cli-ledger

aws dynamodb create-table --table-name "$table" --billing-mode PAY_PER_REQUEST \
  --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=n,AttributeType=N \
  --key-schema AttributeName=pk,KeyType=HASH AttributeName=n,KeyType=RANGE > /dev/null
aws dynamodb wait table-exists --table-name "$table"
for number in 1 2 3 4 5; do
  aws dynamodb put-item --table-name "$table" \
    --item "{\"pk\": {\"S\": \"a\"}, \"n\": {\"N\": \"$number\"}}"
done

page=$(aws dynamodb query --table-name "$table" --key-condition-expression 'pk = :a' \
  --expression-attribute-values '{":a": {"S": "a"}}' --page-size 2 --max-items 3)
[ "$(jq '.Items | length' <<< "$page")" -eq 3 ]
rest=$(aws dynamodb query --table-name "$table" --key-condition-expression 'pk = :a' \
  --expression-attribute-values '{":a": {"S": "a"}}' \
  --starting-token "$(jq -r .NextToken <<< "$page")" --query 'Items[].n.N' --output text)
[ "$rest" = $'4\t5' ]
[ "$(aws dynamodb scan --table-name "$table" --select COUNT --filter-expression 'n > :two' \
  --expression-attribute-values '{":two": {"N": "2"}}' --query Count)" = 3 ]

again=$(aws dynamodb put-item --table-name "$table" --condition-expression 'attribute_not_exists(pk)' \
  --item '{"pk": {"S": "a"}, "n": {"N": "1"}}' 2>&1 || true)
grep -q "(ConditionalCheckFailedException).*The conditional request failed" <<< "$again"
cancelled=$(aws dynamodb transact-write-items --transact-items "[
  {\"Put\": {\"TableName\": \"$table\", \"Item\": {\"pk\": {\"S\": \"b\"}, \"n\": {\"N\": \"1\"}}}},
  {\"ConditionCheck\": {\"TableName\": \"$table\", \"ConditionExpression\": \"attribute_not_exists(pk)\",
    \"Key\": {\"pk\": {\"S\": \"a\"}, \"n\": {\"N\": \"1\"}}}}]" 2>&1 || true)
grep -q "(TransactionCanceledException)" <<< "$cancelled"
[ "$(aws dynamodb query --table-name "$table" --key-condition-expression 'pk = :b' \
  --expression-attribute-values '{":b": {"S": "b"}}' --query Count)" = 0 ]

refused=$(aws dynamodb put-item --table-name "$table" --item '{"n": {"N": "1"}}' 2>&1 || true)
grep -q "(ValidationException)" <<< "$refused"
refused=$(aws dynamodb describe-table --table-name cli-none 2>&1 || true)
grep -q "(ResourceNotFoundException)" <<< "$refused"
refused=$(aws dynamodb execute-statement --statement "SELECT * FROM \"$table\"" 2>&1 || true)
grep -q "(NotImplemented).*dynamodb:ExecuteStatement" <<< "$refused"

aws dynamodb delete-table --table-name "$table" > /dev/null
aws dynamodb wait table-not-exists --table-name "$table"
