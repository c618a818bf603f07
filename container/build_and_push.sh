#!/usr/bin/env bash
# Build the image for Amazon SageMaker and push it to your ECR. The last line of the output is the
# image's URI. It is the only line on stdout:
#
#     URI=$(container/build_and_push.sh --region eu-west-1)
#
#   --region R            AWS region; by default from AWS_REGION, AWS_DEFAULT_REGION or aws
#                         configure, otherwise us-east-1
#   --repository NAME     repository in your ECR (semscore); created if it does not exist
#   --base-account ID     registry account of SageMaker's Spark image, for regions that are not in
#                         container/spark-image-accounts.txt
#   --base-image URI      build on another image; you log in to its registry yourself
#   --torch VERSION       build argument TORCH of the Dockerfile
#   --torch-index URL     build argument TORCH_INDEX of the Dockerfile
#   --requirements FILE   build argument REQUIREMENTS of the Dockerfile; FILE is a path from the
#                         repository's root
#   --model FOLDER        a model to build into the image; hidden files are left out
#   --tool docker|buildah by default, docker if its engine answers, otherwise buildah
#   --allow-dirty         also build changes that are not committed; the tag says so, with the time
#   --dry-run             print the commands but do not run them; AWS_ACCOUNT_ID can set the account
#
# The tag is VERSION-COMMIT. If you give --base-image, --torch, --torch-index, --requirements or
# --model, 8 digits follow that depend on their values and on the contents of the files. A tag that
# the repository already has is not built again. Exit code 2: an option is wrong or a tool is
# missing; 1: a command failed. The image is for linux/amd64.

set -euo pipefail

BASE=sagemaker-spark-processing:3.5-cpu-py312-v1.3
PLATFORM=linux/amd64
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BAKED=container/model # where the build finds the model
ACCOUNTS=container/spark-image-accounts.txt

fail() {
  printf 'build_and_push.sh: %s\n' "$1" >&2
  exit 2
}

has() { command -v "$1" >/dev/null; }

quoted() {
  local words
  printf -v words ' %q' "$@"
  printf '%s\n' "${words:1}"
}

# Print a command, and run it unless this is a dry run.
run() {
  quoted "$@" >&2
  [[ $DRY_RUN ]] || "$@" || exit 1
}

# Whether aws finds something: finds EXCEPTION COMMAND. EXCEPTION means that it does not exist. Any
# other error ends the script. A dry run does not call aws and assumes that it does not exist.
finds() {
  local absent=$1 said
  shift
  quoted "$@" >&2
  [[ -z $DRY_RUN ]] || return 1
  said=$("$@" 2>&1 >/dev/null) && return
  [[ $said == *"($absent)"* ]] && return 1
  printf '%s\n' "$said" >&2
  exit 1
}

login() {
  local get=(aws ecr get-login-password --region "$REGION")
  local put=("$TOOL" login --username AWS --password-stdin "$1")
  printf '%s | %s\n' "$(quoted "${get[@]}")" "$(quoted "${put[@]}")" >&2
  [[ $DRY_RUN ]] || "${get[@]}" | "${put[@]}" || exit 1
}

# What container/spark-image-accounts.txt says of the region: account or suffix; nothing if it does
# not have the region.
of_region() {
  local region account suffix
  while read -r region account suffix; do
    [[ $region == "$REGION" ]] || continue
    printf '%s\n' "${!1}"
    return
  done <"$ACCOUNTS"
}

# The host of an account's registry.
registry() {
  local suffix
  suffix=$(of_region suffix)
  printf '%s.dkr.ecr.%s.%s\n' "$1" "$REGION" "${suffix:-amazonaws.com}"
}

spark_account() {
  local account
  account=$(of_region account)
  [[ $account ]] ||
    fail "$ACCOUNTS does not have the registry account of SageMaker's Spark image in $REGION: give\
 --base-account with the number that sagemaker-core's sagemaker.core.image_uris.retrieve(\"spark\",\
 \"$REGION\", version=\"3.5\", py_version=\"py312\", container_version=\"v1.3\") starts with"
  printf '%s\n' "$account"
}

usable_tool() {
  if [[ $DRY_RUN ]]; then
    if has buildah && ! has docker; then echo buildah; else echo docker; fi
  elif has docker && docker info >/dev/null 2>&1; then
    echo docker
  elif has buildah; then
    echo buildah
  elif has docker; then
    fail "docker's engine does not answer (docker info) and buildah is not installed: start docker or\
 install buildah"
  else
    fail "neither docker nor buildah is installed; install one of them to build the image"
  fi
}

# Eight digits for the options that change the image, and for the contents of their files.
digest() {
  {
    quoted "$BASE_IMAGE" "$TORCH" "$TORCH_INDEX" "$REQUIREMENTS"
    [[ -z $REQUIREMENTS ]] || git hash-object --no-filters -- "$REQUIREMENTS"
    [[ -z $MODEL ]] || (
      cd "$MODEL"
      files=$(find -L ./* -type f | LC_ALL=C sort)
      printf '%s\n' "$files"
      git hash-object --no-filters --stdin-paths <<<"$files"
    )
  } | git hash-object --stdin | cut -c 1-8
}

# Sets VERSION and TAG. It does not print them, because in a $(…) a command that fails would not
# end the script.
set_tag() {
  local commit changes dirty=""
  VERSION=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' udfs/version.py)
  [[ $VERSION ]] || fail "udfs/version.py has no version: expected a line __version__ = \"…\""
  commit=$(git rev-parse --short=12 HEAD) || fail "$ROOT is not a git checkout with a commit"
  changes=$(git --no-optional-locks status --porcelain -- .)
  if [[ $changes ]]; then
    [[ $ALLOW_DIRTY ]] ||
      fail "uncommitted changes (first: ${changes%%$'\n'*}): commit them or give --allow-dirty"
    dirty=-dirty-$(date -u +%Y%m%dT%H%M%SZ)
  fi
  [[ -z $BASE_IMAGE$TORCH$TORCH_INDEX$REQUIREMENTS$MODEL ]] || commit+=-$(digest)
  TAG=$VERSION-$commit$dirty
}

remove_model() {
  run find "$BAKED" -mindepth 1 -maxdepth 1 ! -name .gitignore -exec rm -rf {} +
}

build() {
  local command=(buildah build --format docker) name
  # Without attestations, because SageMaker does not accept an OCI index. As a variable, because an
  # old docker does not know the option.
  [[ $TOOL == buildah ]] || command=(env BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build)
  command+=(--platform "$PLATFORM" --file container/Dockerfile)
  command+=(--build-arg "BASE_IMAGE=${BASE_IMAGE:-$BASE_REGISTRY/$BASE}")
  command+=(--build-arg "SEMSCORE_VERSION=$VERSION")
  for name in TORCH TORCH_INDEX REQUIREMENTS; do
    [[ -z ${!name} ]] || command+=(--build-arg "$name=${!name}")
  done
  if [[ $MODEL ]]; then
    trap remove_model EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    run cp -RL "$MODEL"/* "$BAKED/"
  fi
  run "${command[@]}" --tag "$URI" .
  if [[ $MODEL ]]; then
    remove_model
    trap - EXIT INT TERM HUP
  fi
}

publish() {
  local ecr=(--region "$REGION")
  [[ $BASE_IMAGE ]] || login "$BASE_REGISTRY"
  login "${URI%%/*}"
  finds RepositoryNotFoundException \
    aws ecr describe-repositories "${ecr[@]}" --repository-names "$REPOSITORY" ||
    run aws ecr create-repository "${ecr[@]}" --repository-name "$REPOSITORY" \
      --image-scanning-configuration scanOnPush=true --image-tag-mutability IMMUTABLE \
      --encryption-configuration encryptionType=AES256
  if finds ImageNotFoundException aws ecr describe-images "${ecr[@]}" \
    --repository-name "$REPOSITORY" --image-ids "imageTag=$TAG"; then
    echo "the repository has this image already; nothing is built"
    return
  fi
  build
  run "$TOOL" push "$URI"
}

REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:-}} REPOSITORY=semscore TOOL="" MODEL=""
BASE_ACCOUNT="" BASE_IMAGE="" TORCH="" TORCH_INDEX="" REQUIREMENTS="" ALLOW_DIRTY="" DRY_RUN=""
while (($#)); do
  case $1 in
    -h | --help)
      sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    --allow-dirty) ALLOW_DIRTY=1 ;;
    --dry-run) DRY_RUN=1 ;;
    --region | --repository | --base-account | --base-image | --torch | --torch-index | \
      --requirements | --model | --tool)
      [[ ${2:--} != -* ]] || fail "$1 needs a value"
      printf -v "$(tr a-z- A-Z_ <<<"${1#--}")" %s "$2"
      shift
      ;;
    *) fail "$1 is not an option; see --help" ;;
  esac
  shift
done

if [[ $MODEL ]]; then
  [[ -f $MODEL/modules.json || -f $MODEL/config.json ]] ||
    fail "$MODEL is not a model folder: it has neither modules.json nor config.json"
  MODEL=$(cd "$MODEL" && pwd)
fi
cd "$ROOT"
[[ -z $REQUIREMENTS || (-f $REQUIREMENTS && $REQUIREMENTS != /* && /$REQUIREMENTS/ != */../*) ]] ||
  fail "--requirements $REQUIREMENTS must be a file in $ROOT, as a path from there"
left=$(find "$BAKED" -mindepth 1 -maxdepth 1 ! -name .gitignore)
[[ -z $left ]] ||
  fail "$BAKED holds ${left%%$'\n'*}, which would be built into the image: remove it, and name\
 a model with --model"
has git || fail "git is not installed"
[[ $DRY_RUN ]] || has aws || fail "aws is not installed"
[[ $TOOL ]] || TOOL=$(usable_tool)
[[ $TOOL == docker || $TOOL == buildah ]] || fail "--tool must be docker or buildah, got $TOOL"
[[ $DRY_RUN ]] || has "$TOOL" || fail "$TOOL is not installed"
set_tag

export AWS_PAGER=""
[[ $REGION ]] || REGION=$(run aws configure get region) || true
REGION=${REGION:-us-east-1}
[[ $BASE_ACCOUNT || $BASE_IMAGE ]] || BASE_ACCOUNT=$(spark_account)
BASE_REGISTRY=$(registry "$BASE_ACCOUNT")
ACCOUNT=$(run aws sts get-caller-identity --query Account --output text)
[[ -z $DRY_RUN ]] || ACCOUNT=${AWS_ACCOUNT_ID:-000000000000}
URI=$(registry "$ACCOUNT")/$REPOSITORY:$TAG

publish >&2
printf '%s\n' "$URI"
