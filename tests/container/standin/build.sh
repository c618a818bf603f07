#!/usr/bin/env bash
# Build a stand-in for SageMaker's Spark processing image, which is not available everywhere:
#
#   build.sh SPARK JARS      SPARK: pyspark as pip has installed it; JARS: a folder with Hadoop's jars
#
# The image is localhost/semscore-standin:latest. It is kept if none of its sources has changed. The
# script needs buildah, mmdebstrap and root. Like the real image, it has the folders, the environment,
# Python without pyspark, /usr/local/bin/smspark-submit, and the same version of Hadoop.
#
# To build on it, pip in the container needs this machine's settings: see pip_options.py.
set -euo pipefail

image=localhost/semscore-standin:latest
label=semscore.standin.inputs
packages=ca-certificates,openjdk-17-jre-headless,procps,python3,python3-pip
wheels=(pip==26.0 numpy==1.26.4 pandas==3.0.2 click==8.1.8 psutil==6.1.1 requests==2.33.0)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
spark=${1:?pyspark\'s folder} jars=${2:?the folder of Hadoop\'s jars}
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}

inputs=$(
  {
    (cd "$here" && find . -type f -not -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum)
    cat "$spark/version.py"
    (cd "$jars" && stat --format '%n %s' -- *.jar)
  } | sha256sum | cut -d ' ' -f 1
)
made_of=$(buildah inspect --type image --format "{{index .OCIv1.Config.Labels \"$label\"}}" "$image" 2>/dev/null || true)
if [[ $made_of == "$inputs" ]]; then
  echo "$image is there"
  exit 0
fi

scratch=$(mktemp -d)
container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null; rm -rf "$scratch"' EXIT
root=$(buildah mount "$container")

# Java's alternatives need the folder of the manual pages, which are left out.
apt-config dump | grep '^Acquire::Check' > "$scratch/apt.conf" || true
mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt="$scratch/apt.conf" \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --setup-hook="mkdir -p '$root/usr/share/man/man1'" \
  bookworm "$root"
rm "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
ln -sf bash "$root/usr/bin/sh"  # as in the real image: the shell is replaced by the command that it runs
ln -s /usr/bin/python3.11 "$root/usr/local/bin/python3"
ln -s "$(cd "$root/usr/lib/jvm" && echo java-17-openjdk-*)" "$root/usr/lib/jvm/java-17"

# Spark in the layout of its archive: the root of the pip package belongs in python/pyspark.
home=$root/usr/lib/spark
mkdir -p "$home"/{conf,python/pyspark} "$root"/usr/lib/hadoop/{etc/hadoop,jars} "$root"/opt/{program,aws-config}
cp -a "$spark"/{bin,sbin,jars} "$home"
cp -a "$spark/python/lib" "$home/python"
tar --create --directory "$spark" --anchored \
  --exclude=./{bin,sbin,jars,python,data,examples,licenses} --exclude='*/__pycache__' . | tar --extract --directory "$home/python/pyspark" --no-same-owner
cp "$jars"/*.jar "$root/usr/lib/hadoop/jars"
"$here/spark-with-hadoop.sh" "$home/jars" /usr/lib/hadoop/jars "$jars"
ln -s /usr/lib/spark/bin/{spark-submit,spark-class,pyspark} "$root/usr/bin"

cp -r "$here/hadoop-config" "$root/opt"
cp "$here"/hadoop-config/{*.xml,log4j.properties} "$root/usr/lib/hadoop/etc/hadoop"
cp "$here"/hadoop-config/spark-* "$home/conf"
cp "$here/instance-types.json" "$root/opt/aws-config/ec2-instance-type-info.json"
mkdir "$root/opt/smspark"
cp "$here"/{smspark-submit,configuration.py,hadoop.py,hosts.py} "$root/opt/smspark"
ln -s /opt/smspark/smspark-submit "$root/usr/local/bin/smspark-submit"

system_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
buildah config --label "$label=$inputs" --workingdir /usr/lib/spark --entrypoint '["smspark-submit"]' \
  --env AWS_REGION=us-east-1 \
  --env HADOOP_CONF_DIR=/usr/lib/hadoop/etc/hadoop \
  --env HADOOP_HOME=/usr/lib/hadoop \
  --env JAVA_HOME=/usr/lib/jvm/java-17 \
  --env "PATH=/usr/bin:/opt/program:$system_path" \
  --env PIP_DISABLE_PIP_VERSION_CHECK=1 \
  --env PYSPARK_PYTHON=/usr/local/bin/python3 \
  --env PYTHONDONTWRITEBYTECODE=1 \
  --env PYTHONHASHSEED=0 \
  --env PYTHONIOENCODING=UTF-8 \
  --env PYTHONUNBUFFERED=1 \
  --env SPARK_HOME=/usr/lib/spark \
  --env SPARK_NO_DAEMONIZE=TRUE \
  "$container"

python3 "$here/pip_options.py" "$scratch/pip.conf" > "$scratch/options"
mapfile -t options < "$scratch/options"
buildah run "${options[@]}" "$container" -- \
  python3 -m pip install --quiet --no-cache-dir --root-user-action ignore "${wheels[@]}"
for option in "${options[@]}"; do  # mounts have left empty files and folders
  place=${option%:ro}
  find "$root${place##*:}" -maxdepth 0 -empty -delete
done

former=$(buildah images --quiet "$image" 2>/dev/null || true)
buildah commit --quiet "$container" "$image" >/dev/null
if [[ -n $former ]]; then  # stays if other images are built on it
  buildah rmi "$former" >/dev/null 2>&1 || true
fi
echo "$image is made"
