# Roles, policies, users, parameters, keys and secrets: what else a platform's scripts touch.
[ "$(aws sts get-caller-identity --query Account --output text)" = 123456789012 ]

trust='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
  "Principal": {"Service": "lambda.amazonaws.com"}}]}'
aws iam create-role --role-name cli-role --assume-role-policy-document "$trust" > /dev/null
aws iam wait role-exists --role-name cli-role
aws iam create-user --user-name cli-user > /dev/null
aws iam wait user-exists --user-name cli-user
aws iam create-instance-profile --instance-profile-name cli-profile > /dev/null
aws iam wait instance-profile-exists --instance-profile-name cli-profile
policy=$(aws iam create-policy --policy-name cli-policy --policy-document \
  '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}' \
  --query Policy.Arn --output text)
aws iam wait policy-exists --policy-arn "$policy"
aws iam attach-role-policy --role-name cli-role --policy-arn "$policy"
[ "$(aws iam list-attached-role-policies --role-name cli-role \
  --query 'AttachedPolicies[0].PolicyName' --output text)" = cli-policy ]
[ "$(aws iam list-policies --page-size 50 --max-items 60 --query 'length(Policies)')" = 60 ]
refused=$(aws iam create-policy --policy-name cli-bad --policy-document '{"Statement": 1}' 2>&1 || true)
grep -q "(MalformedPolicyDocument)" <<< "$refused"
refused=$(aws iam get-role --role-name cli-none 2>&1 || true)
grep -q "(NoSuchEntity)" <<< "$refused"

for name in a b c; do
  aws ssm put-parameter --name "/cli/$name" --type String --value "$name" > /dev/null
done
page=$(aws ssm get-parameters-by-path --path /cli --page-size 2 --max-items 2)
[ "$(jq '.Parameters | length' <<< "$page")" -eq 2 ]
rest=$(aws ssm get-parameters-by-path --path /cli --starting-token "$(jq -r .NextToken <<< "$page")" \
  --query 'length(Parameters)')
[ "$rest" = 1 ]
refused=$(aws ssm put-parameter --name /cli/a --type String --value b 2>&1 || true)
grep -q "(ParameterAlreadyExists)" <<< "$refused"
refused=$(aws ssm get-parameter --name /cli/none 2>&1 || true)
grep -q "(ParameterNotFound)" <<< "$refused"

key=$(aws kms create-key --query KeyMetadata.KeyId --output text)
sealed=$(aws kms encrypt --key-id "$key" --plaintext fileb://<(printf secret) \
  --query CiphertextBlob --output text)
[ "$(aws kms decrypt --ciphertext-blob fileb://<(base64 -d <<< "$sealed") --query Plaintext \
  --output text | base64 -d)" = secret ]
refused=$(aws kms describe-key --key-id 00000000-0000-0000-0000-000000000000 2>&1 || true)
grep -q "(NotFoundException)" <<< "$refused"

aws secretsmanager create-secret --name cli-secret --secret-string s3cret > /dev/null
[ "$(aws secretsmanager get-secret-value --secret-id cli-secret --query SecretString \
  --output text)" = s3cret ]
refused=$(aws secretsmanager get-secret-value --secret-id cli-none 2>&1 || true)
grep -q "(ResourceNotFoundException)" <<< "$refused"

topic=$(aws sns create-topic --name cli-topic --query TopicArn --output text)
aws sns publish --topic-arn "$topic" --message hello > /dev/null
refused=$(aws sns publish --topic-arn "$topic-none" --message hello 2>&1 || true)
grep -q "(NotFound)" <<< "$refused"
aws logs create-log-group --log-group-name /cli/group
[ "$(aws logs describe-log-groups --log-group-name-prefix /cli --query 'length(logGroups)')" = 1 ]
refused=$(aws logs create-log-group --log-group-name /cli/group 2>&1 || true)
grep -q "(ResourceAlreadyExistsException)" <<< "$refused"
refused=$(aws glue get-databases 2>&1 || true)
grep -q "NotImplemented.*no service 'glue'" <<< "$refused"
refused=$(aws --region eu-west-1 sns list-topics 2>&1 || true)
grep -q "(InvalidSignatureException).*us-east-1" <<< "$refused"
