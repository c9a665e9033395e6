# The high-level and the low-level commands of S3: copies, pages, versions, waiters, errors.
bucket=cli-s3-data
work=$(mktemp -d)

aws s3 mb "s3://$bucket"
aws s3api wait bucket-exists --bucket "$bucket"
aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled
[ "$(aws s3api get-bucket-versioning --bucket "$bucket" --query Status --output text)" = Enabled ]

mkdir "$work/rows"
for number in 1 2 3 4 5; do echo "row $number" > "$work/rows/$number.csv"; done
aws s3 sync "$work/rows" "s3://$bucket/rows/" --quiet
aws s3api wait object-exists --bucket "$bucket" --key rows/5.csv
[ "$(aws s3 ls "s3://$bucket/rows/" | wc -l)" -eq 5 ]

# Pages: two at a time by the service, three at most in all, and the rest by the token.
first=$(aws s3api list-objects-v2 --bucket "$bucket" --page-size 2 --max-items 3)
[ "$(jq '.Contents | length' <<< "$first")" -eq 3 ]
token=$(jq -r .NextToken <<< "$first")
rest=$(aws s3api list-objects-v2 --bucket "$bucket" --starting-token "$token" \
  --query 'Contents[].Key' --output text)
[ "$rest" = $'rows/4.csv\trows/5.csv' ]

# A large file goes in parts and comes back whole.
head -c 20000000 /dev/urandom > "$work/large"
aws s3 cp "$work/large" "s3://$bucket/large" --quiet
aws s3 cp "s3://$bucket/large" "$work/back" --quiet
cmp "$work/large" "$work/back"
aws s3api head-object --bucket "$bucket" --key large --query ETag --output text | grep -- -3

url=$(aws s3 presign "s3://$bucket/rows/1.csv")
[ "$(curl -sf "$url")" = "row 1" ]

# Two versions of one key, and the first of them again.
echo changed | aws s3 cp - "s3://$bucket/rows/1.csv"
oldest=$(aws s3api list-object-versions --bucket "$bucket" --prefix rows/1 \
  --query 'Versions[?!IsLatest].VersionId' --output text)
aws s3api get-object --bucket "$bucket" --key rows/1.csv --version-id "$oldest" "$work/old" > /dev/null
[ "$(cat "$work/old")" = "row 1" ]

refused=$(aws s3api get-object --bucket "$bucket" --key none "$work/none" 2>&1 || true)
grep -q "(NoSuchKey) when calling the GetObject operation: The specified key does not exist" <<< "$refused"
refused=$(aws s3api list-objects-v2 --bucket cli-s3-nobody 2>&1 || true)
grep -q "(NoSuchBucket)" <<< "$refused"
refused=$(aws s3api delete-bucket --bucket "$bucket" 2>&1 || true)
grep -q "(BucketNotEmpty)" <<< "$refused"
refused=$(aws s3 ls --no-sign-request 2>&1 || true)
grep -q "(AccessDenied)" <<< "$refused"
refused=$(aws s3api put-object --bucket "$bucket" --key k --storage-class NONE 2>&1 || true)
grep -q "InvalidStorageClass" <<< "$refused"

aws s3 rm "s3://$bucket/rows/2.csv" --quiet
aws s3api wait object-not-exists --bucket "$bucket" --key rows/2.csv
aws s3api list-object-versions --bucket "$bucket" \
  --query '{Objects: [Versions, DeleteMarkers][].{Key: Key, VersionId: VersionId}}' > "$work/all"
aws s3api delete-objects --bucket "$bucket" --delete "file://$work/all" > /dev/null
aws s3 rb "s3://$bucket"
aws s3api wait bucket-not-exists --bucket "$bucket"
